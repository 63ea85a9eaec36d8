"""Contenders that a whole-path figure hides: what a program costs, what a table takes, how long control takes. `rate` is in ns, ms or bytes."""
import json
import time

import measure
import sending as t
from contenders import Contender, flows
from devices.biplane import Biplane
from devices.device import Skipped
from devices.linux import LinuxConntrack
from lab import LabError, Namespace

ROUTE = """apiVersion: biplane.dev/v1alpha1
kind: Route
metadata: {{ name: route-{n} }}
spec: {{ network: red, destination: {prefix}, nextHop: {{ workload: red/sink }} }}
"""


def prefixes(count):
    """Different /30s within 20.0.0.0/7."""
    return [f"{20 + (n >> 22)}.{n >> 14 & 255}.{n >> 6 & 255}.{(n & 63) << 2}/30" for n in range(count)]


def route_documents(count):
    return "---\n".join(ROUTE.format(n=n, prefix=prefix) for n, prefix in enumerate(prefixes(count)))


class Node(Biplane):
    """A node that nothing is sent through: its tables are filled, and its programs run by themselves."""
    routes_max = 32768

    def build(self):
        self.settings = {"routes": self.routes_max}
        super().build()


def timed(action):
    begin = time.monotonic()
    action()
    return (time.monotonic() - begin) * 1e3


class Cost(Contender):
    """ns per packet of one pinned program, packets of established flows from the source to the sink."""

    def __init__(self, label, program, kind, count=1000, routes=0, family="ipv4"):
        self.label, self.program, self.kind, self.routes = label, program, kind, routes
        self.traffic = flows(count, family=family)

    def build(self, bench, lab):
        self.node = Node(lab, bench.tools, self.traffic)
        if self.routes:
            self.node.routes_max = max(32768, 2 * self.routes)
        self.node.build()
        if self.routes:
            self.node.dut.apply(route_documents(self.routes))

    def frames(self, bench):
        """Number of the first one, and how many."""
        return 0, bench.frames

    def measure(self, bench):
        first, repeat = self.frames(bench)
        ends = zip(("source-mac", "destination-mac", "source", "destination"), self.node.forward_ends())
        done = self.node.dut.run(
            *t.ON_GENERATOR_CPU, bench.tools["cost"], "program", self.node.lab.directory / "bpf" / self.node.dut.name / self.program,
            "--type", self.kind, "--interface", self.node._port("source")["interface"], "--flows", self.traffic.flows,
            "--first", first, "--repeat", repeat, *[word for name, value in ends for word in (f"--{name}", value)], start_new_session=True)
        if done.returncode:
            raise LabError(f"{self.label}: {done.stderr.strip()[-400:]}")
        result = json.loads(done.stdout)
        redirected = {"xdp": 4, "tcx": 7}[self.kind]  # XDP_REDIRECT, TC_ACT_REDIRECT
        if result["result"] != redirected:
            raise LabError(f"{self.label}: the program returned {result['result']}, it did not forward: {self.node.drops()}")
        return result | {"rate": result["ns"]}


def listing(label, namespace, count, *command):
    """ns per flow until the lines of a list are counted by wc, which reads faster than anybody here writes; there must be `count` of them."""
    done = {}
    took = timed(lambda: done.update(result=namespace.run("sh", "-c", '"$@" | wc -l', "sh", *command, timeout=120)))
    listed = int(done["result"].stdout or 0)
    if done["result"].returncode or listed < count * 0.99:
        raise LabError(f"{label}: listed {listed} flows: {done['result'].stderr[-300:]}")
    return {"rate": took * 1e6 / count, "listed": listed, "ms": took}


class BiplaneList(Contender):
    """ns per flow to list so many flows as JSON, one a line."""

    def __init__(self, count, label):
        self.label, self.count = label, count

    def build(self, bench, lab):
        self.device = Biplane(lab, bench.tools, flows(self.count))
        self.device.build()
        self.device.attach_sinks()
        measure.establish(self.device)

    def measure(self, bench):
        node = self.device.dut
        return listing(self.label, node, self.count, node.lab.programs / "biplane", "--config", node.config, "flows", "-o", "json")


class ConntrackList(Contender):
    """The same with conntrack -L."""

    def __init__(self, count, label):
        self.label, self.count = label, count

    def build(self, bench, lab):
        self.device = LinuxConntrack(lab, bench.tools, flows(self.count))
        self.device.build()
        self.device.attach_sinks()
        measure.establish(self.device)
        for timeout in ("udp_timeout", "udp_timeout_stream"):
            self.device.dut.sysctl(f"net.netfilter.nf_conntrack_{timeout}", 3600)
        measure.establish(self.device)

    def measure(self, bench):
        return listing(self.label, self.device.dut, self.count, self.device.conntrack, "-L")


class FlowMemory(Contender):
    """Bytes of all tables of flows, per pair that the configuration asks for."""
    label = "Biplane, flow tables, bytes per pair"
    pairs = 1_000_000

    def build(self, bench, lab):
        self.device = Biplane(lab, bench.tools, flows(self.pairs))
        self.device.flows_max = self.pairs
        self.device.build()

    def measure(self, bench):
        done = self.device.dut.run(bench.tools["cost"], "maps", self.device.lab.directory / "bpf" / self.device.dut.name)
        if done.returncode:
            raise LabError(f"{self.label}: {done.stderr.strip()}")
        tables = json.loads(done.stdout)
        taken = {name: size for name, size in tables.items() if name.startswith("bp_flow")}
        return {"rate": sum(taken.values()) / self.pairs, "tables": taken}


class MemoryLine(Contender):
    """ns to read one line at a random place of a BPF array of so many megabytes: what no table of that size goes below. `in_huge_pages`:
    of as much of a program's own memory."""

    def __init__(self, megabytes, label, in_huge_pages=False):
        self.megabytes, self.label = megabytes, label
        self.options = ["--huge-pages"] if in_huge_pages else []

    def build(self, bench, lab):
        self.place = Namespace(lab, f"line-{self.megabytes}{'-huge' if self.options else ''}")

        if self.options and (tried := self._read(bench, 1)).returncode:
            raise Skipped(tried.stderr.strip())

    def measure(self, bench):
        done = self._read(bench, 1_000_000)
        if done.returncode:
            raise LabError(f"{self.label}: {done.stderr.strip()}")
        return {"rate": json.loads(done.stdout)["ns"]}

    def _read(self, bench, times):
        return self.place.run(*t.ON_GENERATOR_CPU, bench.tools["cost"], "line", self.megabytes, "--repeat", times, *self.options,
                              start_new_session=True)


class BiplaneRoutes(Contender):
    """ms until so many new routes are in force."""

    def __init__(self, count, label):
        self.label, self.count = label, count

    def build(self, bench, lab):
        self.node = Node(lab, bench.tools, flows(1))
        self.node.routes_max = max(32768, 2 * self.count)
        self.node.build()
        self.documents = route_documents(self.count)

    def measure(self, bench):
        took = timed(lambda: self.node.dut.apply(self.documents))
        done = self.node.dut.biplane("delete", "-f", "-", input=self.documents, timeout=120)
        if done.returncode:
            raise LabError(f"{self.label}: delete: {done.stderr[-300:]}")
        return {"rate": took}


class LinuxRoutes(Contender):
    """The same with ip -batch."""

    def __init__(self, count, label):
        self.label, self.count = label, count

    def build(self, bench, lab):
        self.namespace = lab.containers[f"r{self.count}"] = Namespace(lab, f"r{self.count}")

    def measure(self, bench):
        def batch(verb):
            lines = "\n".join(f"route {verb} {prefix} dev lo" for prefix in prefixes(self.count))
            done = self.namespace.run("ip", "-batch", "-", input=lines, timeout=120)
            if done.returncode:
                raise LabError(f"{self.label}: {done.stderr[-300:]}")
        took = timed(lambda: batch("add"))
        batch("delete")
        return {"rate": took}


class Restart(Contender):
    """ms from a daemon's SIGTERM until the next one is ready; traffic goes on meanwhile (agent) or is taken back (user plane)."""

    def __init__(self, label, daemon):
        self.label, self.daemon = label, daemon

    def build(self, bench, lab):
        self.node = Node(lab, bench.tools, flows(1000))
        self.node.plane = "user" if self.daemon == "user plane" else "kernel"
        self.node.build()

    def measure(self, bench):
        dut = self.node.dut
        process = dut.user_plane if self.daemon == "user plane" else dut.agent
        start = dut.start_user_plane if self.daemon == "user plane" else dut.start_agent

        def again():
            process.terminate()
            process.wait(timeout=20)
            start()
        return {"rate": timed(again)}
