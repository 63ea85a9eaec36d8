"""Linux's own ways: forwarding, with a stateful policy, and with bridge and VXLAN device."""
import json

import sending as t
from devices.device import Device, Skipped, find_program
from lab import LabError


class LinuxForwarding(Device):
    name = "Linux forwarding"

    def build(self):
        self.make_namespaces()
        self.make_wires()
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.dut.sysctl(key, 1)
        for key in ("net.ipv4.conf.all.rp_filter", "net.ipv4.conf.in0.rp_filter", "net.ipv4.conf.out0.rp_filter"):
            self.dut.sysctl(key, 0)
        for addresses, interface, mac in ((t.SOURCE, "in0", t.SOURCE_MAC), (t.SINK, "out0", t.SINK_MAC)):
            for family, bits in (("ipv4", 32), ("ipv6", 128)):
                self.dut.ip("route", "add", f"{addresses[family]}/{bits}", "dev", interface)
                self.dut.ip("neighbour", "replace", addresses[family], "lladdr", mac, "dev", interface, "nud", "permanent")

    def handled(self):
        """Packets forwarded, by the namespace's own SNMP counters."""
        if self.traffic.family == "ipv6":
            for line in self.dut.run("cat", "/proc/net/snmp6").stdout.splitlines():
                if line.startswith("Ip6OutForwDatagrams"):
                    return int(line.split()[1])
        names, values = [line.split() for line in self.dut.run("cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Ip:")]
        return int(values[names.index("ForwDatagrams")])


# The policy that Biplane judges a new flow by, as rules: the sender is in the network, and so is the destination.
POLICY = """table inet guard {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ct state invalid drop
        iifname "in0" ip saddr 10.0.0.0/24 ip daddr 10.0.0.0/24 ct state new accept
        iifname "in0" ip6 saddr fd00:a::/64 ip6 daddr fd00:a::/64 ct state new accept
    }
}
"""


class LinuxConntrack(LinuxForwarding):
    name = "Linux + nftables conntrack"

    def build(self):
        nft = find_program("nft", "nftables")
        self.conntrack = find_program("conntrack", "conntrack")
        super().build()
        if self.traffic.flows > self.most_flows():
            raise Skipped(f"the connection table has {self.most_flows()} entries, which only the machine's own namespace may change")
        done = self.dut.run(nft, "-f", "-", input=POLICY)
        if done.returncode:
            raise LabError(f"{self.name}: nft: {done.stderr.strip()}")

    def tracked(self):
        return int(self.dut.run("cat", "/proc/sys/net/netfilter/nf_conntrack_count").stdout)

    def check(self, received):
        tracked, expected = self.tracked(), self.traffic.flows or received
        if tracked < expected * 0.98:
            raise LabError(f"{self.name}: tracks {tracked} flows, not {expected}: it did not do its work")

    def forget_flows(self):
        self.dut.run(self.conntrack, "-F")

    def most_flows(self):
        """The size of the table; only the machine's own namespace may change it."""
        return int(self.dut.run("cat", "/proc/sys/net/netfilter/nf_conntrack_max").stdout)


# The same for bridged packets: they all come in at the bridge.
BRIDGE_POLICY = POLICY.replace('iifname "in0" ', "")
BRIDGE_HOOKS = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")


class LinuxVxlan(Device):
    """Bridge and VXLAN device. "in": source is the node beyond the fabric; "out": the sink is."""
    name = "Linux bridge + vxlan"
    policy = ""

    def build(self):
        nft = find_program("nft", "nftables") if self.policy else ""
        self.make_namespaces()
        self.make_wires()
        fabric, local = ("in0", "out0") if self.traffic.tunnel == "in" else ("out0", "in0")
        self.beyond = self.source if self.traffic.tunnel == "in" else self.sink
        self.dut.ip("address", "add", f"{t.UNDERLAY[0]}/24", "dev", fabric)
        self.dut.ip("neighbour", "replace", t.UNDERLAY[1], "lladdr", self.far_mac(), "dev", fabric, "nud", "permanent")
        self.dut.ip("link", "add", "vxlan0", "type", "vxlan", "id", t.VNI, "dstport", 4789, "local", t.UNDERLAY[0],
                    "remote", t.UNDERLAY[1], "dev", fabric, "nolearning")
        self.dut.ip("link", "add", "bridge", "type", "bridge")
        for interface in ("vxlan0", local):
            self.dut.ip("link", "set", interface, "master", "bridge", "up")
        self.dut.ip("link", "set", "bridge", "up")
        inner_far, inner_near = (t.SOURCE_MAC, t.SINK_MAC) if self.traffic.tunnel == "in" else (t.SINK_MAC, t.SOURCE_MAC)
        for interface, mac in (("vxlan0", inner_far), (local, inner_near)):
            done = self.dut.run("bridge", "fdb", "replace", mac, "dev", interface, "master", "static")
            if done.returncode:
                raise LabError(f"{self.name}: bridge fdb: {done.stderr.strip()}")
        for hook in BRIDGE_HOOKS if nft else ():
            self.dut.sysctl(hook, 1)
        if nft and (done := self.dut.run(nft, "-f", "-", input=self.policy)).returncode:
            raise LabError(f"{self.name}: nft: {done.stderr.strip()}")

    def far_mac(self):
        return t.SOURCE_MAC if self.traffic.tunnel == "in" else t.SINK_MAC

    def forward_ends(self):
        """Bridged, not routed: the inner frame is for the sink itself."""
        return t.SOURCE_MAC, t.SINK_MAC, t.SOURCE[self.traffic.family], t.SINK[self.traffic.family]

    def backward_ends(self):
        return t.SINK_MAC, t.SOURCE_MAC, t.SINK[self.traffic.family], t.SOURCE[self.traffic.family]

    def forward_outer(self):
        return (t.SOURCE_MAC, t.IN_MAC, t.UNDERLAY[1], t.UNDERLAY[0]) if self.traffic.tunnel == "in" else None

    def backward_outer(self):
        return (t.SINK_MAC, t.OUT_MAC, t.UNDERLAY[1], t.UNDERLAY[0]) if self.traffic.tunnel == "out" else None

    def handled(self):
        link = json.loads(self.dut.ip("-s", "-j", "link", "show", "vxlan0"))[0]["stats64"]
        return link["rx"]["packets"] if self.traffic.tunnel == "in" else link["tx"]["packets"]


class LinuxVxlanConntrack(LinuxVxlan):
    """Bridged packets go through the IP hooks (bridge-nf-call-iptables): kernels without conntrack for bridges have this too."""
    name = "Linux bridge + vxlan + nftables"
    policy = BRIDGE_POLICY
