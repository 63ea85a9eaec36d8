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

    def processes(self):
        """Daemons that carry packets, or may."""
        return []

    def _namespace(self, name):
        return self.lab.container(f"{self.key}-{name}")

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
    """The client on the first of the nodes, the server on the last."""
    name = "Biplane, one node"
    plane, node_names = "kernel", ("node-a",)

    def build(self):
        self._ends()
        nodes = {name: Node(self.lab, f"{self.key}-{name}") for name in self.node_names}
        self.nodes = list(nodes.values())
        self.lab.nodes.update({node.name: node for node in self.nodes})
        self.node = nodes[self.node_names[0]]
        fabric = self._join(self.nodes)
        for name, node in nodes.items():
            node.configure(fabric, {"node": name})
            node.start_agent()
            if self.plane == "user":
                node.start_user_plane()
        for name, node in nodes.items():
            node.apply(NETWORK.format(plane=self.plane) + self._workload("client", t.SOURCE, t.SOURCE_MAC, self.node_names[0], name)
                       + self._workload("server", t.SINK, t.SINK_MAC, self.node_names[-1], name))
        for end in (self.client, self.server):
            end.ip("link", "set", "eth0", "mtu", MTU)

    def processes(self):
        return [process for node in self.nodes for process in (node.agent, node.user_plane) if process]

    def _join(self, nodes):
        if len(nodes) == 1:
            return []
        self._wire(nodes[0], "fabric0", nodes[1], "fabric0", 1500)
        for node, address in zip(nodes, t.UNDERLAY):
            node.ip("address", "add", f"{address}/24", "dev", "fabric0")
        return [("fabric0", "auto")]

    def _workload(self, name, addresses, mac, home, here):
        return WORKLOAD.format(name=name, node=home, ipv4=addresses["ipv4"], ipv6=addresses["ipv6"], mac=mac,
                               more=f", netns: {self.key}-{name}" if home == here else "")

    def carried(self):
        return sum(port[self.plane]["delivered"] + port[self.plane]["forwarded"] for port in self.node.json("ports"))


class BiplaneVxlan(BiplaneLocal):
    name, node_names = "Biplane, two nodes (VXLAN)", ("node-a", "node-b")


class BiplaneUserLocal(BiplaneLocal):
    name, plane = "Biplane user plane, one node", "user"
