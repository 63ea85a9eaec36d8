"""Ways for real TCP between two namespaces, with addresses and the stack's own ends. The interfaces are left as Linux makes them.

A path has `client` and `server` (namespaces), and counts what it carried, to prove that the traffic took it.
"""
import json

import sending as t
from devices.biplane import NETWORK, WORKLOAD
from devices.device import find_program
from devices.linux import BRIDGE_HOOKS, BRIDGE_POLICY, POLICY
from lab import LabError, Namespace, Node

MTU = 1450  # everywhere, as Biplane gives it to workloads: equal segments, and VXLAN fits below 1500


def packets_of(namespace, interface):
    """Both directions."""
    stats = json.loads(namespace.ip("-s", "-j", "link", "show", interface))[0]["stats64"]
    return stats["rx"]["packets"] + stats["tx"]["packets"]


class Path:
    name = ""

    def __init__(self, lab):
        self.lab, self.key = lab, f"p{len(lab.containers):x}"

    def build(self):
        raise NotImplementedError

    def carried(self):
        """Packets (of up to 64 KB) that went through what this path is about."""
        raise NotImplementedError

    def _namespace(self, name):
        namespace = self.lab.container(f"{self.key}-{name}")
        return namespace

    def _ends(self):
        self.client, self.server = self._namespace("client"), self._namespace("server")

    @staticmethod
    def _wire(end, interface, other, other_interface, mtu=MTU):
        end.ip("link", "add", interface, "type", "veth", "peer", "name", other_interface, "netns", other.netns)
        for namespace, name in ((end, interface), (other, other_interface)):
            namespace.ip("link", "set", name, "mtu", mtu, "up")

    def _rules(self, namespace, text):
        done = namespace.run(find_program("nft", "nftables"), "-f", "-", input=text)
        if done.returncode:
            raise LabError(f"{self.name}: nft: {done.stderr.strip()}")


class BareVeth(Path):
    name = "bare veth pair"

    def build(self):
        self._ends()
        self._wire(self.client, "eth0", self.server, "eth0")
        self.client.ip("address", "add", f"{t.SOURCE['ipv4']}/24", "dev", "eth0")
        self.server.ip("address", "add", f"{t.SINK['ipv4']}/24", "dev", "eth0")

    def carried(self):
        return packets_of(self.client, "eth0")


class Routing(Path):
    name = "Linux routing"
    policy = ""

    def build(self):
        if self.policy:
            find_program("nft", "nftables")
        self._ends()
        self.router = self._namespace("router")
        self.router.sysctl("net.ipv4.ip_forward", 1)
        for end, port, address in ((self.client, "in0", t.SOURCE["ipv4"]), (self.server, "out0", t.SINK["ipv4"])):
            self._wire(end, "eth0", self.router, port)
            self.router.ip("address", "add", "169.254.1.1/32", "dev", port)
            self.router.ip("route", "add", f"{address}/32", "dev", port)
            end.ip("address", "add", f"{address}/32", "dev", "eth0")
            end.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
        if self.policy:
            self._rules(self.router, self.policy)

    def carried(self):
        return packets_of(self.router, "in0")


class RoutingConntrack(Routing):
    name, policy = "Linux routing + conntrack", POLICY


class VxlanBridges(Path):
    """Two nodes, each a bridge with a VXLAN device."""
    name = "Linux bridge + vxlan"
    policy = ""

    def build(self):
        self._ends()
        self.nodes = [Namespace(self.lab, f"{self.key}-node{number}") for number in (1, 2)]
        self._wire(self.nodes[0], "fabric0", self.nodes[1], "fabric0", 1500)
        for number, (node, end, address) in enumerate(zip(self.nodes, (self.client, self.server), (t.SOURCE, t.SINK))):
            self._wire(end, "eth0", node, "port0")
            end.ip("address", "add", f"{address['ipv4']}/24", "dev", "eth0")
            node.ip("address", "add", f"{t.UNDERLAY[number]}/24", "dev", "fabric0")
            node.ip("link", "add", "vxlan0", "mtu", MTU, "type", "vxlan", "id", t.VNI, "dstport", 4789, "local", t.UNDERLAY[number],
                    "remote", t.UNDERLAY[1 - number], "dev", "fabric0")
            node.ip("link", "add", "bridge", "type", "bridge")
            for interface in ("vxlan0", "port0"):
                node.ip("link", "set", interface, "master", "bridge", "up")
            node.ip("link", "set", "bridge", "up")
            if self.policy:
                for hook in BRIDGE_HOOKS:
                    node.sysctl(hook, 1)
                self._rules(node, self.policy)

    def carried(self):
        return packets_of(self.nodes[0], "vxlan0")


class VxlanBridgesConntrack(VxlanBridges):
    name, policy = "Linux bridge + vxlan + nftables", BRIDGE_POLICY


class BiplaneLocal(Path):
    name = "Biplane, one node"
    plane = "kernel"

    def build(self):
        self._ends()
        node = Node(self.lab, f"{self.key}-node")
        self.node = self.lab.nodes[node.name] = node
        self._start(node, "node-a", [])
        text = NETWORK.format(plane=self.plane)
        node.apply(text + self._workload("client", "node-a", t.SOURCE, True) + self._workload("server", "node-a", t.SINK, True))
        for end in (self.client, self.server):
            end.ip("link", "set", "eth0", "mtu", MTU)

    def _start(self, node, name, fabric):
        node.configure(fabric, {"node": name})
        node.start_agent()
        if self.plane == "user":
            node.start_user_plane()

    def _workload(self, name, node, addresses, is_local):
        mac = t.SOURCE_MAC if name == "client" else t.SINK_MAC
        return WORKLOAD.format(name=name, node=node, ipv4=addresses["ipv4"], ipv6=addresses["ipv6"], mac=mac,
                               more=f", netns: {self.key}-{name}" if is_local else "")

    def carried(self):
        return sum(port[self.plane]["delivered"] + port[self.plane]["forwarded"] for port in self.node.json("ports"))


class BiplaneVxlan(BiplaneLocal):
    name = "Biplane, two nodes (VXLAN)"

    def build(self):
        self._ends()
        nodes = [Node(self.lab, f"{self.key}-node{number}") for number in (1, 2)]
        self.lab.nodes.update({node.name: node for node in nodes})
        self.node = nodes[0]
        self._wire(nodes[0], "fabric0", nodes[1], "fabric0", 1500)
        for number, node in enumerate(nodes):
            node.ip("address", "add", f"{t.UNDERLAY[number]}/24", "dev", "fabric0")
            self._start(node, ("node-a", "node-b")[number], [("fabric0", "auto")])
        for number, node in enumerate(nodes):
            node.apply(NETWORK.format(plane=self.plane) + self._workload("client", "node-a", t.SOURCE, number == 0)
                       + self._workload("server", "node-b", t.SINK, number == 1))
        for end in (self.client, self.server):
            end.ip("link", "set", "eth0", "mtu", MTU)


class BiplaneUserLocal(BiplaneLocal):
    name, plane = "Biplane user plane, one node", "user"
