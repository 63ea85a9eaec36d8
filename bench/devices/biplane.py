"""Biplane: a node of its own with the source and the sink as its workloads, or with one of them beyond its fabric."""
import sending as t
from devices.device import Device, Skipped
from lab import LabError, Node

NETWORK = """apiVersion: biplane.dev/v1alpha1
kind: Node
metadata: {{ name: node-a }}
spec: {{ address: 192.0.2.1 }}
---
apiVersion: biplane.dev/v1alpha1
kind: Node
metadata: {{ name: node-b }}
spec: {{ address: 192.0.2.2 }}
---
apiVersion: biplane.dev/v1alpha1
kind: VirtualNetwork
metadata: {{ name: red }}
spec: {{ vni: 100, subnets: [10.0.0.0/24, "fd00:a::/64"], plane: {plane} }}
"""
FLOWS_MAX = 16_777_216  # that a node can be asked to have room for
FLOWS_A_SECOND = 150_000  # that the kernel makes tables for at the slowest, while others want the machine too
WORKLOAD = """---
apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: {{ name: {name}, namespace: red }}
spec: {{ network: red, node: {node}, addresses: [{ipv4}, "{ipv6}"], mac: "{mac}"{more} }}
"""


class Biplane(Device):
    """`hook` is that of the workloads (auto, tcx or xdp), `fabric_hook` that of the fabric."""
    sink_at = "both"
    plane, hook, fabric_hook = "kernel", "auto", "xdp"
    settings = {}  # more of the node's configuration
    flows_max = 0  # what the flow table is made for; 0: after the traffic
    created = 0  # flows that the source's packets had made when it was last asked

    def build(self):
        self.source = self.lab.container(f"{self.key}-source")
        self.sink = self.lab.container(f"{self.key}-sink")
        self.dut = Node(self.lab, f"{self.key}-node")
        self.lab.nodes[self.dut.name] = self.dut
        fabric = self._make_fabric()
        capacity = self.flows_max or (2_000_000 if self.traffic.flows == 0 else max(150_000, min(int(self.traffic.flows * 1.1), FLOWS_MAX)))
        self.dut.configure(fabric, {"node": "node-a", "flows": capacity, **self.settings})
        self.dut.ready_seconds = max(self.dut.ready_seconds, capacity / FLOWS_A_SECOND)
        self.dut.start_agent()
        if self.plane == "user":
            self._start_user_plane()
        self._apply()
        self.ports = {port["name"]: port for port in self.dut.json("ports")}
        for name in self._local():
            self.switch_gro(self.dut, self._port(name)["interface"])
            self.switch_gro(self.source if name == "source" else self.sink, "eth0")

    def _start_user_plane(self):
        self.dut.start_user_plane()
        self.has_process = True
        done = self.dut.run("taskset", "--all-tasks", "--pid", "--cpu-list", t.PROCESS_CPU, self.dut.user_plane.pid)
        if done.returncode:
            raise LabError(f"taskset: {done.stderr.strip()}")

    def working_processes(self):
        return [self.dut.user_plane] if self.has_process else []

    def _beyond(self):
        return {"in": self.source, "out": self.sink}.get(self.traffic.tunnel)

    def _local(self):
        return {"in": ("sink",), "out": ("source",)}.get(self.traffic.tunnel, ("source", "sink"))

    def _make_fabric(self):
        beyond = self._beyond()
        if not beyond:
            return []
        beyond.ip("link", "add", "fabric0", "address", t.UNDERLAY_MAC, "type", "veth", "peer", "name", "fabric0",
                  "address", t.IN_MAC, "netns", self.dut.netns)
        for namespace, address in ((beyond, t.UNDERLAY[1]), (self.dut, t.UNDERLAY[0])):
            namespace.ip("address", "add", f"{address}/24", "dev", "fabric0")
            namespace.ip("link", "set", "fabric0", "up")
            self.switch_gro(namespace, "fabric0")
        self.dut.ip("neighbour", "replace", t.UNDERLAY[1], "lladdr", t.UNDERLAY_MAC, "dev", "fabric0", "nud", "permanent")
        return [("fabric0", self.fabric_hook)]

    def _apply(self):
        text = NETWORK.format(plane=self.plane)
        for name, addresses, mac in (("source", t.SOURCE, t.SOURCE_MAC), ("sink", t.SINK, t.SINK_MAC)):
            local = name in self._local()
            more = f", netns: {self.key}-{name}" if local else ""
            if local and self.hook != "auto":
                more += f", hook: {self.hook}"
            text += WORKLOAD.format(name=name, node="node-a" if local else "node-b", ipv4=addresses["ipv4"], ipv6=addresses["ipv6"],
                                    mac=mac, more=more)
        try:
            self.dut.apply(text)
        except LabError as error:
            if self.hook != "auto" and "hook" in str(error):
                raise Skipped("this build of Biplane has no `hook` for workloads") from None
            raise

    def _port(self, name):
        port = self.ports.get(f"red/{name}")
        if not port:
            raise LabError(f"{self.name}: no port red/{name}; there are {', '.join(self.ports)}")
        return port

    def source_interface(self):
        return "fabric0" if self.traffic.tunnel == "in" else "eth0"

    def sink_interface(self):
        return "fabric0" if self.traffic.tunnel == "out" else "eth0"

    def _router_mac(self, name):
        import json
        return json.loads(self.dut.ip("-j", "link", "show", self._port(name)["interface"]))[0]["address"]

    def forward_ends(self):
        to = t.SINK_MAC if self.traffic.tunnel == "in" else self._router_mac("source")
        return t.SOURCE_MAC, to, t.SOURCE[self.traffic.family], t.SINK[self.traffic.family]

    def backward_ends(self):
        to = t.SOURCE_MAC if self.traffic.tunnel == "out" else self._router_mac("sink")
        return t.SINK_MAC, to, t.SINK[self.traffic.family], t.SOURCE[self.traffic.family]

    def forward_outer(self):
        return (t.UNDERLAY_MAC, t.IN_MAC, t.UNDERLAY[1], t.UNDERLAY[0]) if self.traffic.tunnel == "in" else None

    def backward_outer(self):
        return (t.UNDERLAY_MAC, t.IN_MAC, t.UNDERLAY[1], t.UNDERLAY[0]) if self.traffic.tunnel == "out" else None

    def _ingress(self):
        name = "fabric0" if self.traffic.tunnel == "in" else "red/source"
        for port in self.dut.json("ports"):
            if name in (port["name"], port["interface"]):
                return port
        raise LabError(f"{self.name}: no port {name}")

    def handled(self):
        """By the counters of the plane that is meant: what the other one did would not count."""
        counted = self._ingress()[self.plane]
        return counted["delivered"] + counted["forwarded"]

    def drops(self):
        return self.dut.drops()

    def check(self, received):
        port = self._ingress()
        if port["upcalls"]:
            raise LabError(f"{self.name}: upcalls counted")
        created = self._newly_created(port)
        if self.traffic.flows == 0 and created < received * 0.98:
            raise LabError(f"{self.name}: of {received} frames, each a new flow, only {created} made one")
        if self.traffic.flows and created > received * 0.02:
            raise LabError(f"{self.name}: of {received} frames of established flows {created} made one: it had not kept them")

    def check_established(self):
        created = self._newly_created(self._ingress())
        if created < self.traffic.flows * 0.98:
            raise LabError(f"{self.name}: of {self.traffic.flows} flows it made only {created}: {self.drops()}")

    def _newly_created(self, port):
        before, self.created = self.created, port["flowsCreated"]
        return self.created - before


class BiplaneTcx(Biplane):
    name = "Biplane kernel plane, tcx"


class BiplaneXdp(Biplane):
    name, hook, sink_at = "Biplane kernel plane, XDP", "xdp", "xdp"


class BiplaneFabricXdp(Biplane):
    """XDP at the fabric: decapsulates and delivers. Works without XDP at workloads."""
    name, sink_at = "Biplane kernel plane, XDP at the fabric", "xdp"


class BiplaneUser(Biplane):
    """From the workload's tcx through the punt port."""
    name, plane, sink_at = "Biplane user plane, tcx", "user", "tcx"


class BiplaneUserXdp(Biplane):
    """From XDP at the workload's host end into the socket."""
    name, plane, hook, sink_at = "Biplane user plane, XDP", "user", "xdp", "tcx"
