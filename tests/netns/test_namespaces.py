"""A namespace is not a number: what a document calls a namespace is that namespace, whatever becomes of the id, path or name."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import remains
from lab import Lab
from tenants import NETWORK

WORKLOAD = """apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: {{ name: {name}, namespace: red }}
spec: {{ network: red, node: node-a, addresses: [10.0.0.{host}], netns: "{netns}" }}
"""

# Becomes a process of a given id that sleeps: clone3(2) with set_tid.
PROCESS_OF_ID = """
import ctypes, os, struct, sys
wanted = ctypes.c_int(int(sys.argv[1]))
arguments = struct.pack("11Q", 0, 0, 0, 0, 17, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
libc = ctypes.CDLL(None, use_errno=True)
child = libc.syscall(435, arguments, len(arguments))
if child < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
if child == 0:
    os.execvp("sleep", ["sleep", "1000"])
os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def lab(programs):
    with Lab(programs, nodes=("node-a",), settings={"userPlane": False}) as made:
        made.apply(made.node_documents() + "---\n" + NETWORK.format(name="red", vni=100, plane="kernel"))
        yield made


@pytest.fixture
def node(lab):
    return lab.nodes["node-a"]


class Anonymous:
    """A network namespace without a name, and the process that it is known by."""

    def __init__(self, node):
        self.process = node.start("unshare", "--net", "sleep", "1000")
        self.pid = self.process.pid
        self.path = f"/proc/{self.pid}/ns/net"
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: pathlib.Path(f"/proc/{self.pid}/comm").read_text() == "sleep\n" and os.readlink(self.path) != own)

    def has_interface(self):
        return "eth0" in subprocess.run(["nsenter", f"--net={self.path}", "ip", "link"], capture_output=True, text=True).stdout

    def end(self):
        self.process.kill()
        self.process.wait(5)


def wait_until(holds, seconds=10):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def recycle(container, pid):
    """A process of that id in the container's namespace."""
    assert not pathlib.Path(f"/proc/{pid}").exists()
    process = container.start(sys.executable, "-c", PROCESS_OF_ID, pid)
    wait_until(lambda: pathlib.Path(f"/proc/{pid}/comm").exists() and pathlib.Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    with open(container.lab.directory / "pids", "a") as pids:
        pids.write(remains.identity(pid) + "\n")
    return pid


def problems(node):
    return "\n".join(node.json("status")["problems"])


@pytest.mark.parametrize("name, how, when", [
    ("by-id", "{pid}", "while the agent runs"), ("by-path", "/proc/{pid}/ns/net", "while the agent runs"),
    ("dead-by-id", "{pid}", "while the agent is dead"), ("dead-by-path", "/proc/{pid}/ns/net", "while the agent is dead")])
def test_a_recycled_process_id_leads_nobody_into_a_network(lab, node, name, how, when):
    meant, foreign = Anonymous(node), lab.container(f"foreign-{name}")
    node.apply(WORKLOAD.format(name=name, host=40, netns=how.format(pid=meant.pid)))
    assert meant.has_interface()
    if when == "while the agent is dead":
        node.agent.kill()
        node.agent.wait(5)
    meant.end()
    stranger = recycle(foreign, meant.pid)
    if when == "while the agent is dead":
        node.start_agent()
    for restart in range(2):
        wait_until(lambda: f"red/{name}" in problems(node))
        time.sleep(1.5)  # a look or two
        assert "eth0" not in foreign.ip("link", "show")
        assert "does not lead to the network namespace" in problems(node), problems(node)
        if restart == 0:
            node.agent.send_signal(signal.SIGKILL)
            node.agent.wait(5)
            node.start_agent()
    # Nor does it get there with a change of something else, or by the same document once more.
    node.biplane("apply", "-f", "-", input=WORKLOAD.format(name=name, host=41, netns=how.format(pid=meant.pid)))
    node.biplane("apply", "-f", "-", input=WORKLOAD.format(name=name, host=40, netns=how.format(pid=meant.pid)))
    assert "eth0" not in foreign.ip("link", "show")
    # Removed and applied again it is what its id leads to now.
    assert node.biplane("delete", "Workload", f"red/{name}").returncode == 0
    node.apply(WORKLOAD.format(name=name, host=40, netns=how.format(pid=meant.pid)))
    assert "eth0" in foreign.ip("link", "show")
    assert node.biplane("delete", "Workload", f"red/{name}").returncode == 0
    os.kill(stranger, signal.SIGKILL)


def test_the_link_goes_on_where_the_process_has_ended_and_others_are_left_in_its_namespace(lab, node):
    meant, web = Anonymous(node), lab.container("lasting-web")
    other = node.start("nsenter", f"--net={meant.path}", "sleep", "1000")
    node.apply(WORKLOAD.format(name="lasting", host=50, netns=meant.pid) + "---\n" +
               WORKLOAD.format(name="web", host=10, netns=f"/run/netns/{web.netns}"))
    meant.end()
    stranger = recycle(lab.container("lasting-foreign"), meant.pid)
    wait_until(lambda: "red/lasting" in problems(node))
    for restart in range(2):
        done = subprocess.run(["nsenter", f"--net=/proc/{other.pid}/ns/net", "ping", "-n", "-c", "1", "-W", "1", "10.0.0.10"],
                              capture_output=True, text=True)
        assert "1 received" in done.stdout
        node.agent.kill()
        node.agent.wait(5)
        node.start_agent()
    for name in ("lasting", "web"):
        assert node.biplane("delete", "Workload", f"red/{name}").returncode == 0
    other.kill()
    os.kill(stranger, signal.SIGKILL)


@pytest.mark.parametrize("kind", ["fifo", "device", "directory", "loop", "file"])
def test_what_is_no_namespace_is_refused_at_once(lab, node, kind):
    path = lab.directory / f"reference-{kind}"
    {"fifo": lambda: os.mkfifo(path), "device": lambda: path.symlink_to("/dev/zero"), "directory": path.mkdir,
     "loop": lambda: path.symlink_to(path), "file": path.touch}[kind]()
    began = time.monotonic()
    done = node.biplane("apply", "-f", "-", input=WORKLOAD.format(name="odd", host=60, netns=path))
    assert done.returncode == 1 and str(path) in done.stderr, done.stderr
    assert time.monotonic() - began < 3


def test_a_name_that_becomes_a_fifo_does_not_freeze_the_agent(lab, node):
    web, near = lab.container("fifo-web"), lab.container("fifo-near")
    path = lab.directory / "namespace"
    path.touch()
    subprocess.run(["mount", "--bind", f"/run/netns/{web.netns}", path], check=True)
    node.apply(WORKLOAD.format(name="web", host=10, netns=path) + "---\n" +
               WORKLOAD.format(name="near", host=11, netns=f"/run/netns/{near.netns}"))
    subprocess.run(["umount", path], check=True)
    path.unlink()
    os.mkfifo(path)
    near.ip("link", "set", "eth0", "mtu", "1400")
    wait_until(lambda: "red/web" in problems(node))
    began = time.monotonic()
    assert "is not a network namespace" in problems(node)
    assert "1 received" in near.run("ping", "-n", "-c", "1", "-W", "1", "10.0.0.10").stdout, "its link goes on"
    for name in ("web", "near"):
        assert node.biplane("delete", "Workload", f"red/{name}").returncode == 0
    assert time.monotonic() - began < 5
