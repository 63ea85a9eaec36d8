"""What one client may cost the others: slow ones, large bodies, a stopped agent, an agent without descriptors."""
import http.client
import pathlib
import re
import resource
import signal
import socket
import time

import pytest
from lab import Lab

HALF = b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nkind:"


@pytest.fixture(scope="module")
def node(programs):
    with Lab(programs, nodes=("node-a",), settings={"userPlane": False}) as lab:
        yield lab.nodes["node-a"]


def connected(node, data=b""):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect(str(node.directory / "run" / "biplaned.sock"))
    client.sendall(data)
    return client


def resident_bytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) << 10


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def post(node, body):
    connection = http.client.HTTPConnection("localhost", timeout=120)
    connection.sock = connected(node)
    connection.request("POST", "/v1/apply", body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_clients_that_send_slowly_do_not_block_the_api(node):
    slow = [connected(node, HALF) for _ in range(50)]
    began = time.monotonic()
    assert node.biplane("status").returncode == 0
    assert node.biplane("get", "Node").returncode == 0
    assert time.monotonic() - began < 4
    for client in slow:
        client.close()


def test_the_memory_of_a_refused_body_is_given_back(node):
    """Each map of a list takes many times its text while it is read."""
    status, _ = post(node, "kind: Node\nspec: { nonsense: 1 }\n")
    assert status == 400
    before = resident_bytes(node.agent.pid)
    body = "spec:\n" + "- {a: b, c: [d, e]}\n" * (4_000_000 // 20)
    for _ in range(2):
        status, said = post(node, body)
        assert status == 400, said
    deadline = time.monotonic() + 5
    while resident_bytes(node.agent.pid) - before > 20 << 20 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert resident_bytes(node.agent.pid) - before < 20 << 20
    assert node.biplane("status").returncode == 0


def test_a_list_of_flows_has_a_bound(node):
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = connected(node)
    connection.request("GET", "/v1/flows?limit=1000000000")
    assert connection.getresponse().status == 400


def test_the_cli_gives_up_on_a_stopped_agent(node):
    node.agent.send_signal(signal.SIGSTOP)
    try:
        for words in (("status",), ("get", "Node"), ("apply", "-f", "-")):
            began = time.monotonic()
            done = node.biplane(*words, input="")
            assert done.returncode == 3 and "no sign of life" in done.stderr, f"{words}: {done.returncode} {done.stderr}"
            assert time.monotonic() - began < 9
    finally:
        node.agent.send_signal(signal.SIGCONT)
    assert node.biplane("status").returncode == 0


def test_without_descriptors_the_agent_does_not_spin_and_goes_on_when_it_has_some_again(node):
    pid = node.agent.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    try:
        waiting = [connected(node, b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for _ in range(3)]
        before = processor_seconds(pid)
        time.sleep(2)
        assert processor_seconds(pid) - before < 0.6
        assert node.agent.poll() is None
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert waiting[0].recv(65536).startswith(b"HTTP/1.1 200")
    time.sleep(1.5)
    assert node.json("status")["level"] == "OK"
