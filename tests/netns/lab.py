"""A lab: nodes and containers as network namespaces of this machine, with real daemons and real traffic.

    with Lab(programs) as lab:                                  # node-a and node-b, joined by a fabric
        web = lab.container("web")
        lab.apply(text)                                         # documents, on every node
        web.run("ping", "-c", "1", "10.0.0.11")

Two labs may run side by side: every name carries the lab's own. Leaving the `with`, an exception, Ctrl-C, SIGTERM and SIGHUP
remove everything; after a SIGKILL the next lab (or tools/clean-lab) does. Needs root. Nothing is done to the machine's own
namespace but creating namespaces and one mount.
"""
import atexit
import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time

import remains

SLOWNESS = float(os.environ.get("BIPLANE_SLOWNESS", "1"))  # how many times longer things take here: under emulation, say
UNDERLAY = {"ipv4": "192.0.2.{n}/24", "ipv6": "2001:db8:f::{n}/64"}
READY_SECONDS = 15
CLONE_NEWNET = 0x40000000


class LabError(Exception):
    """A sentence for the user."""


class Ended(KeyboardInterrupt):
    """SIGINT, SIGTERM or SIGHUP, as what Ctrl-C raises, with the exit code."""


def patient(seconds):
    """A limit of time, on this machine."""
    return seconds * SLOWNESS


def checked(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise LabError(f"{' '.join(map(str, command))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespace:
    """A network namespace of the lab and what runs in it."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.netns = f"{lab.name}-{name}"
        checked("ip", "netns", "add", self.netns)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        return checked("ip", "-n", self.netns, *words)

    def inside(self, *command):
        return ["nsenter", f"--net={remains.NAMESPACES / self.netns}", *map(str, command)]

    def run(self, *command, timeout=60, **options):
        """Runs a command to its end; the caller looks at returncode, stdout, stderr."""
        return subprocess.run(self.inside(*command), capture_output=True, text=True, timeout=patient(timeout), **options)

    def iperf(self, *words, through=(), **options):
        """An iperf3 client, started by the command `through`. Its server takes one at a time, and turns the next one away until it is
        done with the last."""
        for _ in range(50):
            done = self.run(*through, "iperf3", "--client", *words, **options)
            said = done.stdout + done.stderr
            if done.returncode == 0 or not any(word in said for word in ("busy", "refused", "reset by peer")):
                break
            time.sleep(0.1)
        return done

    def start(self, *command, **options):
        """Starts a command that the lab will end with itself."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.inside(*command), start_new_session=True, **options)
        self.lab.write_down(process)
        return process

    def enter(self, work):
        """What work() returns, called in this namespace by a thread that ends."""
        def inside():
            with open(remains.NAMESPACES / self.netns) as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {self.netns}")
            return work()

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(inside).result()

    def socket(self, family, kind, protocol=0):
        """A socket of this namespace for the test's own process."""
        return self.enter(lambda: socket.socket(family, kind, protocol))

    def sysctl(self, key, value):
        checked(*self.inside("sh", "-c", f"echo {value} > /proc/sys/{key.replace('.', '/')}"))


class Container(Namespace):
    """A workload's namespace. Biplane puts the interface in."""

    def serve_web(self, text, port=80):
        """A real web server with one page and one file of 8 MB."""
        home = self.lab.directory / f"web-{self.name}"
        home.mkdir()
        (home / "index.html").write_text(text + "\n")
        (home / "large").write_bytes(os.urandom(1 << 20) * 8)
        (home / "nginx.conf").write_text(
            f"user root; pid {home}/pid; daemon off; worker_processes 1; error_log {home}/error.log;\n"
            "events { worker_connections 1024; }\n"
            f"http {{ access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;"
            f" fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;\n"
            f" server {{ listen 0.0.0.0:{port}; listen [::]:{port}; root {home}; }} }}\n")
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        process = self.start(nginx, "-c", home / "nginx.conf", "-e", home / "error.log",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_listening(port, process)

    def serve_iperf(self, port=5201):
        process = self.start("iperf3", "--server", "--port", port, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_listening(port, process)

    def wait_listening(self, port, process, seconds=10):
        deadline = time.monotonic() + patient(seconds)
        while time.monotonic() < deadline:
            if self.run("ss", "-Hltn", f"sport = :{port}").stdout.strip():
                return
            if process.poll() is not None:
                raise LabError(f"{process.args[2]} in {self.name} ended at once (exit code {process.returncode})")
            time.sleep(0.02)
        raise LabError(f"nothing listens on port {port} in {self.name} after {patient(seconds):.0f} s")


class Node(Namespace):
    """A node: configuration, agent, user plane, and the CLI."""

    def __init__(self, lab, name):
        super().__init__(lab, name)
        self.directory = lab.directory / name
        self.directory.mkdir()
        self.config = self.directory / "biplane.yaml"
        self.agent = self.user_plane = None
        self.ready_seconds = READY_SECONDS  # that a daemon has to get ready

    def configure(self, fabrics, settings):
        values = {
            "node": self.name,
            "runDirectory": self.directory / "run",
            "storeDirectory": self.directory / "store",
            "pins": self.lab.directory / "bpf" / self.name,
            **settings,
        }
        lines = [f"{key}: {str(value).lower() if isinstance(value, bool) else value}" for key, value in values.items()]
        lines.append("fabric:" if fabrics else "fabric: []")
        lines += [f"  - {{ interface: {interface}, hook: {hook} }}" for interface, hook in fabrics]
        self.config.write_text("\n".join(lines) + "\n")

    def log_file(self, program):
        return self.directory / f"{program}.log"

    def _start_daemon(self, program, *words):
        log = self.log_file(program)
        with open(log, "ab") as out:
            begin = out.tell()
            process = self.start(self.lab.programs / program, "--config", self.config, *words, stdout=out, stderr=out)
        deadline = time.monotonic() + patient(self.ready_seconds)
        while time.monotonic() < deadline:
            said = log.read_bytes()[begin:].decode(errors="replace")
            if any("ready" in line for line in said.splitlines()):
                return process
            if process.poll() is not None:
                raise LabError(f"{program} on {self.name} ended with exit code {process.returncode}:\n{said}")
            time.sleep(0.01)
        raise LabError(f"{program} on {self.name} was not ready after {patient(self.ready_seconds):.0f} s:\n{said}")

    def start_agent(self, *words):
        self.agent = self._start_daemon("biplaned", *words)

    def start_user_plane(self):
        self.user_plane = self._start_daemon("biplane-userplane")

    def biplane(self, *words, **options):
        return self.run(self.lab.programs / "biplane", "--config", self.config, *words, **options)

    def json(self, *words):
        done = self.biplane(*words, "-o", "json")
        if done.returncode and not done.stdout:  # `status` also fails to say that the node is not well
            raise LabError(f"{self.name}: biplane {' '.join(map(str, words))}: exit code {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def apply(self, text):
        done = self.biplane("apply", "-f", "-", input=self.lab.localised(text))
        if done.returncode:
            raise LabError(f"{self.name}: biplane apply: exit code {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    # --- what the node counted ---

    def port(self, interface_or_name):
        """The port by its name (NAMESPACE/WORKLOAD or the interface's)."""
        for port in self.json("ports"):
            if interface_or_name in (port["name"], port["interface"]):
                return port
        raise LabError(f"{self.name} has no port {interface_or_name}")

    def drops(self):
        """Reason -> packets, over all ports and planes."""
        sums = {}
        for row in self.json("drops"):
            sums[row["reason"]] = sums.get(row["reason"], 0) + row["count"]
        return {reason: count for reason, count in sums.items() if count}

    def law_violations(self, attempts=20):
        """The law of counting, for every port and plane; packets under way are given time to arrive somewhere."""
        for _ in range(attempts):
            wrong = []
            for port in self.json("ports"):
                for plane in ("kernel", "user"):
                    counted = port[plane]
                    gone = counted["forwarded"] + counted["delivered"] + counted["punted"] + sum(counted["drops"].values())
                    if counted["received"] != gone:
                        wrong.append(f"{self.name}, port {port['name']}, {plane} plane: received {counted['received']}, gone {gone}:"
                                     f" {counted}")
            if not wrong:
                return []
            time.sleep(patient(0.05))
        return wrong


class Lab:
    """See the module's text. `hook` and `workload_hook` are those of the configuration; `underlay` lists address families."""

    def __init__(self, programs, nodes=("node-a", "node-b"), underlay=("ipv4",), hook="auto", workload_hook="auto", mtu=1500,
                 settings=None, start=True):
        self.programs = pathlib.Path(programs).resolve()
        self.node_names, self.underlay, self.hook, self.mtu = tuple(nodes), tuple(underlay), hook, mtu
        self.settings = {"workloadHook": workload_hook, **(settings or {})}
        self.start_daemons = start
        self.name = f"bpl{os.getpid():x}{secrets.token_hex(2)}"
        self.directory = remains.BASE / self.name
        self.nodes, self.containers = {}, {}
        self.kept = False
        self._old_handlers = {}

    # --- life ---

    def __enter__(self):
        if os.geteuid() != 0:
            raise LabError("a lab makes network namespaces and loads BPF programs: run this as root (sudo make ...)")
        for program in ("biplaned", "biplane-userplane", "biplane") if self.start_daemons else ():
            if not os.access(self.programs / program, os.X_OK):
                raise LabError(f"{self.programs / program} is not there: run 'make build' first")
        remains.remove_orphans()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._old_handlers[number] = signal.signal(number, self._end_by_signal)
        atexit.register(self.remove)
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        if not self.kept:
            self.remove()

    @staticmethod
    def _end_by_signal(number, _frame):
        raise Ended(128 + number)

    def remove(self):
        """Takes everything down; signals wait until it is done."""
        atexit.unregister(self.remove)
        if self.kept:
            return
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            remains.remove(self.name)
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def keep(self):
        """Leaves the lab up when its process ends; tools/clean-lab NAME removes it."""
        self.kept = True
        (self.directory / "owner").write_text("kept")

    def write_down(self, process):
        with open(self.directory / "pids", "a") as pids:
            pids.write(remains.identity(process.pid) + "\n")

    # --- construction ---

    def _build(self):
        while not self.directory.exists():
            try:
                self.directory.mkdir(parents=True, mode=0o700)
            except FileNotFoundError:
                pass  # another run's last lab has just taken the common directory away
        (self.directory / "owner").write_text(remains.identity(os.getpid()))
        (self.directory / "bpf").mkdir()
        checked("mount", "-t", "bpf", "bpf", self.directory / "bpf")
        for name in self.node_names:
            self.nodes[name] = Node(self, name)
        self._join()
        for node in self.nodes.values():
            node.configure([("fabric0", self.hook)] if len(self.nodes) > 1 else [], self.settings)
        if self.start_daemons:
            for node in self.nodes.values():
                node.start_agent()
                if self.settings.get("userPlane", True):
                    node.start_user_plane()

    def _join(self):
        """The fabric: one veth pair between two nodes, a bridge in a namespace of its own between more."""
        nodes = list(self.nodes.values())
        if len(nodes) == 2:
            nodes[0].ip("link", "add", "fabric0", "type", "veth", "peer", "name", "fabric0", "netns", nodes[1].netns)
        elif len(nodes) > 2:
            switch = Namespace(self, "switch")
            switch.ip("link", "add", "bridge", "type", "bridge")
            switch.ip("link", "set", "bridge", "mtu", self.mtu, "up")
            for number, node in enumerate(nodes):
                node.ip("link", "add", "fabric0", "type", "veth", "peer", "name", f"port{number}", "netns", switch.netns)
                switch.ip("link", "set", f"port{number}", "mtu", self.mtu, "master", "bridge", "up")
        else:
            return
        for number, node in enumerate(nodes, 1):
            for family in self.underlay:
                options = ["nodad"] if family == "ipv6" else []
                node.ip("address", "add", UNDERLAY[family].format(n=number), "dev", "fabric0", *options)
            node.ip("link", "set", "fabric0", "mtu", self.mtu, "up")

    def container(self, name):
        self.containers[name] = Container(self, name)
        return self.containers[name]

    # --- documents ---

    def localised(self, text):
        """The documents with this lab's names of namespaces: `netns: web` means the lab's container `web`."""
        return re.sub(r"(\bnetns:\s*)([\w.-]+)", rf"\g<1>{self.name}-\g<2>", text)

    def apply(self, text):
        """Puts the same documents on every node, as one store for all would."""
        for node in self.nodes.values():
            node.apply(text)

    def node_documents(self):
        """The Node documents of this lab."""
        texts = []
        for number, name in enumerate(self.node_names, 1):
            addresses = ", ".join('"' + UNDERLAY[family].format(n=number).split("/")[0] + '"' for family in self.underlay)
            texts.append(f"apiVersion: biplane.dev/v1alpha1\nkind: Node\nmetadata: {{ name: {name} }}\n"
                         f"spec: {{ addresses: [{addresses}] }}\n")
        return "---\n".join(texts)
