"""The scenarios: one per row of the table of targets, or nearly. Each has its contenders and its targets as data."""
import dataclasses

from clients import Requests, Stream
from contenders import Packets, flows
from costs import BiplaneList, BiplaneRoutes, ConntrackList, Cost, FlowMemory, LinuxRoutes, MemoryLine, Restart
from devices import biplane, limits, linux, ovs, paths, testpmd
from policies import BiplaneOnePolicy, BiplanePolicies, ManyPolicies, NftRules, OnePolicy, PolicyCost
from targets import Target


@dataclasses.dataclass
class Scenario:
    name: str
    title: str
    contenders: list
    targets: list
    unit: str = "Mpps"
    scale: float = 1e6
    is_slow: bool = False  # a round takes long: fewer of them
    in_quick: bool = True  # False: takes too long for QUICK=1, but by name
    metrics: tuple = ()  # further ones for the table: (metric, heading, scale)


BARE_XDP, BARE_TCX, BARE_TCX_PEER = limits.BareXdp.name, limits.BareTcx.name, limits.BareTcxPeer.name
FORWARDING, CONNTRACK = linux.LinuxForwarding.name, linux.LinuxConntrack.name
XDP, TCX = biplane.BiplaneXdp.name, biplane.BiplaneTcx.name


def packets(traffic, *devices):
    return [Packets(device, traffic) for device in devices]


def xdp_1k():
    return Scenario("xdp-1k", "1,000 established flows, 64 bytes, XDP",
                    packets(flows(1000), limits.BareXdp, biplane.BiplaneXdp, linux.LinuxForwarding, linux.LinuxConntrack),
                    [Target(1, XDP, BARE_XDP, 0.80), Target(2, XDP, CONNTRACK, 4), Target(2, XDP, FORWARDING, 2.5)])


def xdp_ipv6():
    return Scenario("xdp-ipv6", "the same with IPv6",
                    packets(flows(1000, family="ipv6"), limits.BareXdp, biplane.BiplaneXdp, linux.LinuxForwarding,
                            linux.LinuxConntrack),
                    [Target(1, XDP, BARE_XDP, 0.80, text="IPv6: Biplane kernel plane, XDP: at least 0.8 x bare XDP redirect")])


def xdp_many():
    def label(count, what="Biplane, XDP"):
        return f"{what}, {count} flows"
    few, many, most = label("1k"), label("250k"), label("1M")
    other, other_most = label("250k", CONNTRACK), label("1M", CONNTRACK)
    contenders = [Packets(biplane.BiplaneXdp, flows(1000), few), Packets(biplane.BiplaneXdp, flows(250_000), many),
                  Packets(biplane.BiplaneXdp, flows(1_000_000), most), Packets(linux.LinuxConntrack, flows(250_000), other),
                  Packets(linux.LinuxConntrack, flows(1_000_000), other_most)]
    return Scenario("xdp-many", "250,000 and 1,000,000 established flows, 64 bytes, XDP", contenders,
                    [Target(3, many, other, 6), Target(3, most, other_most, 6), Target(3, many, few, 0.6), Target(3, most, few, 0.6)])


def xdp_16m():
    few, lookup, most = ("Biplane, XDP, 1M flows", "Biplane, XDP, 1M flows, look-up form", "Biplane, XDP, 16M flows, look-up form")
    contenders = [Packets(biplane.BiplaneXdp, flows(1_000_000), few),
                  Packets(biplane.BiplaneXdp, flows(1_000_000), lookup, flows_max=2_000_000),  # a table beyond 512 MB
                  Packets(biplane.BiplaneXdp, flows(16_000_000), most, gib=12)]
    return Scenario("xdp-16m", "16,000,000 established flows (5 GB of tables) beside 1,000,000, 64 bytes, XDP", contenders,
                    [Target(3, most, few, None), Target(3, most, lookup, None), Target(3, lookup, few, None)],
                    is_slow=True, in_quick=False)


def frame_sizes():
    contenders, checks = [], []
    for size, words in ((512, "512 bytes"), (1400, "1,400 bytes")):
        bare, mine, linux_name = (f"{name}, {words}" for name in (BARE_XDP, XDP, FORWARDING))
        devices = ((limits.BareXdp, bare), (biplane.BiplaneXdp, mine), (linux.LinuxForwarding, linux_name))
        contenders += [Packets(device, flows(1000, bytes=size), label) for device, label in devices]
        checks += [Target(1, mine, bare, 0.80), Target(2, mine, linux_name, None)]
    return Scenario("frame-sizes", "1,000 established flows, 512 and 1,400 bytes, XDP", contenders, checks, is_slow=True,
                    in_quick=False, metrics=(("bits", "Gbit/s", 1e9),))


def all_new():
    return Scenario("all-new", "every packet a new flow, 64 bytes",
                    packets(flows(0), biplane.BiplaneXdp, biplane.BiplaneTcx, linux.LinuxConntrack, ovs.OvsDpdk, ovs.Ovs),
                    [Target(4, XDP, CONNTRACK, 3), Target(4, XDP, None, 1, unit=1e6, text="Biplane, XDP: at least 1 million new flows/s"),
                     Target(4, XDP, ovs.OvsDpdk.name, 20), Target(4, XDP, ovs.Ovs.name, 20),
                     Target(4, TCX, CONNTRACK, 3, text="(tcx) Biplane: at least 3 x conntrack"),
                     Target(4, TCX, ovs.OvsDpdk.name, 20, text="(tcx) Biplane: at least 20 x OVS DPDK with conntrack")])


def vxlan_in():
    fabric = biplane.BiplaneFabricXdp.name
    contenders = [Packets(limits.BareXdp, flows(1000))]
    contenders += packets(flows(1000, tunnel="in"), biplane.BiplaneFabricXdp, linux.LinuxVxlan, linux.LinuxVxlanConntrack)
    return Scenario("vxlan-in", "VXLAN decapsulation, 1,000 established flows, 64 bytes inside", contenders,
                    [Target(5, fabric, BARE_XDP, 0.70, text="decapsulation, XDP: at least 0.7 x bare XDP redirect"),
                     Target(5, fabric, linux.LinuxVxlan.name, 3, text="decapsulation, XDP: at least 3 x Linux bridge + vxlan")])


def vxlan_out():
    contenders = [Packets(limits.BareXdp, flows(1000))]
    contenders += packets(flows(1000, tunnel="out"), biplane.BiplaneXdp, biplane.BiplaneTcx, linux.LinuxVxlan)
    return Scenario("vxlan-out", "VXLAN encapsulation, 1,000 established flows, 64 bytes inside", contenders,
                    [Target(5, XDP, BARE_XDP, 0.70, text="encapsulation, XDP: at least 0.7 x bare XDP redirect"),
                     Target(5, XDP, linux.LinuxVxlan.name, 3, text="encapsulation, XDP: at least 3 x Linux bridge + vxlan"),
                     Target(5, TCX, linux.LinuxVxlan.name, 3, text="(tcx) encapsulation: at least 3 x Linux bridge + vxlan")])


def tcx():
    return Scenario("tcx", "1,000 established flows, 64 bytes, tcx",
                    packets(flows(1000), limits.BareTcxPeer, biplane.BiplaneTcx, limits.BareTcx, linux.LinuxForwarding,
                            linux.LinuxConntrack),
                    [Target(6, TCX, BARE_TCX_PEER, 0.85), Target(6, TCX, BARE_TCX, 0.85),
                     Target(2, TCX, CONNTRACK, 1, text="(tcx) ahead of Linux + nftables conntrack")])


def user_plane():
    by_xdp, by_tcx = biplane.BiplaneUserXdp.name, biplane.BiplaneUser.name
    bare, testpmd_name, ovs_name = limits.BareSocketRaised.name, testpmd.Testpmd.name, ovs.OvsDpdk.name
    return Scenario("user-plane", "1,000 established flows, 64 bytes, in user space",
                    packets(flows(1000), limits.BareSocketRaised, biplane.BiplaneUserXdp, biplane.BiplaneUser, limits.BareSocket,
                            testpmd.Testpmd, ovs.OvsDpdk, ovs.Ovs),
                    [Target(7, by_xdp, bare, 0.85), Target(7, by_xdp, testpmd_name, 1.5), Target(7, by_xdp, ovs_name, 2),
                     Target(7, by_tcx, bare, 0.85, text="(tcx) user plane: at least 0.85 x bare AF_XDP forwarding, budget 256"),
                     Target(7, by_tcx, ovs_name, 2, text="(tcx) user plane: at least 2 x OVS DPDK with conntrack")])


VETH, LOCAL, ACROSS = paths.BareVeth.name, paths.BiplaneLocal.name, paths.BiplaneVxlan.name
ROUTING_CONNTRACK, BRIDGES_CONNTRACK = paths.RoutingConntrack.name, paths.VxlanBridgesConntrack.name
GBITS = {"unit": "Gbit/s", "scale": 1e9, "metrics": (("ns_per_byte", "ns/byte", 1), ("resent", "resent", 1))}
REQUESTS = {"unit": "1000/s", "scale": 1e3, "metrics": (("p50_us", "p50 us", 1), ("p99_us", "p99 us", 1))}


def stream_local():
    contenders = [Stream(path) for path in (paths.BareVeth, paths.BiplaneLocal, paths.RoutingConntrack, paths.BiplaneUserLocal)]
    return Scenario("stream-local", "one TCP stream between two workloads of one node", contenders, [Target(8, LOCAL, VETH, 0.95)],
                    **GBITS)


def stream_vxlan():
    contenders = [Stream(path) for path in (paths.BareVeth, paths.BiplaneVxlan, paths.VxlanBridges, paths.VxlanBridgesConntrack)]
    return Scenario("stream-vxlan", "one TCP stream between workloads of two nodes, through VXLAN", contenders,
                    [Target(9, ACROSS, VETH, 0.85), Target(9, ACROSS, BRIDGES_CONNTRACK, 1, text="throughput ahead of bridge + vxlan + nftables"),
                     Target(9, ACROSS, BRIDGES_CONNTRACK, 1, metric="ns_per_byte", at_most=True,
                            text="CPU time per byte below bridge + vxlan + nftables")], **GBITS)


def requests(name, title, row, of_veth, of_conntrack, connect_each):
    contenders = [Requests(path, connect_each) for path in (paths.BareVeth, paths.BiplaneLocal, paths.Routing, paths.RoutingConntrack)]
    checks = [Target(row, LOCAL, VETH, of_veth, text=f"{name}: at least {of_veth:g} x bare veth pair"),
              Target(row, LOCAL, ROUTING_CONNTRACK, of_conntrack,
                     text=f"{name}: at least {of_conntrack:g} x Linux routing with conntrack")]
    if not connect_each:
        checks.append(Target(row, LOCAL, VETH, 1.1, metric="p99_us", at_most=True, text=f"{name}: p99 at most 1.1 x bare veth pair"))
    return Scenario(name, title, contenders, checks, **REQUESTS)


def request_response():
    return requests("request-response", "TCP, one byte there and back, both ends on one processor", 10, 0.95, 1.15, False)


def connect_request_response():
    return requests("connect-request-response", "TCP, a connection per request, both ends on one processor", 11, 0.90, 1.25, True)


NANOSECONDS = {"unit": "ns", "scale": 1, "metrics": (("instructions", "instructions", 1), ("machine_bytes", "x86 bytes", 1),
                                                     ("verified", "verified", 1))}
MILLISECONDS = {"unit": "ms", "scale": 1, "is_slow": True}
PARTS = (("in_force_ms", "from documents", 1),) + tuple((f"{part}_ms", part, 1) for part in ("parse", "check", "store", "host", "plan", "publish"))


def costs():
    contenders = [Cost("prog_xdp", "prog_xdp", "xdp"), Cost("prog_tcx", "prog_tcx", "tcx"),
                  Cost("prog_tcx_fabric", "prog_tcx_fabric", "tcx"), Cost("prog_xdp, IPv6", "prog_xdp", "xdp", family="ipv6")]
    return Scenario("costs", "each program by itself, per packet of 1,000 established flows (test runs, the wrapper taken off)", contenders, [],
                    **NANOSECONDS)


def growth():
    one, many, routed = "1 flow", "1M flows", "1 flow, 100k routes"
    return Scenario("growth", "prog_xdp by itself, per packet of established flows, as tables grow",
                    [Cost(one, "prog_xdp", "xdp", 1), Cost("1k flows", "prog_xdp", "xdp", 1000), Cost(many, "prog_xdp", "xdp", 1_000_000),
                     Cost(routed, "prog_xdp", "xdp", 1, routes=100_000), MemoryLine(1, "waiting for a random line of 1 MB"),
                     MemoryLine(64, "waiting for a random line of 64 MB"), MemoryLine(512, "waiting for a random line of 512 MB"),
                     MemoryLine(512, "the same in huge pages", in_huge_pages=True)],
                    [Target(13, many, one, 1.6, at_most=True), Target(13, routed, one, 1.05, at_most=True)], **NANOSECONDS)


def policies():
    contenders, checks = [], []
    for what, count, bound in (("established", 1000, 1.05), ("first packets", 0, 1.5)):
        few, one, many = (f"{what}, {words}" for words in ("10 rules", "10k rules of a policy", "10k policies"))
        contenders += [PolicyCost(few, OnePolicy(), 10, count), PolicyCost(one, OnePolicy(), 10_000, count),
                       PolicyCost(many, ManyPolicies(), 10_000, count)]
        checks += [Target(13, name, few, bound, at_most=True) for name in (one, many)]
    return Scenario("policies", "prog_xdp by itself, per packet, as rules grow (10,000 policies are over 1,000 workloads)", contenders, checks,
                    **NANOSECONDS)


def policy_control():
    count, contenders, checks = 10_000, [], []
    in_force = {"metric": "in_force_ms", "at_most": True}
    for words, shape in (("10k rules of a policy", OnePolicy()), ("10k policies", ManyPolicies())):
        mine, chain, mapped = (f"{command}, {words}" for command in ("biplane apply", "nft -f", "nft -f"))
        chain, mapped = f"{chain}: a chain", f"{mapped}: a verdict map"
        contenders += [BiplanePolicies(mine, shape, count), NftRules(chain, shape, count, False), NftRules(mapped, shape, count, True)]
        checks += [Target(14, mine, other, 1, text=f"{words}: from documents to in force at most 1 x nft -f of {form}", **in_force)
                   for other, form in ((chain, "a chain"), (mapped, "a verdict map"))]
    one = "biplane apply, one of 10k policies"
    contenders.append(BiplaneOnePolicy(one, count))
    checks += [Target(14, one, mine, 0.25, text="one of 10k policies changes: from documents at most 0.25 x all of them", **in_force),
               Target(14, one, mine, 0.1, at_most=True, text="one of 10k policies changes: the whole command at most 0.1 x all of them")]
    return Scenario("policy-control", "time until rules are in force", contenders, checks, **MILLISECONDS, metrics=PARTS)


def tables():
    mine, theirs, most = "Biplane, 250k flows", "conntrack -L, 250k flows", "Biplane, 1M flows"
    return Scenario("tables", "listing flows", [BiplaneList(250_000, mine), ConntrackList(250_000, theirs), BiplaneList(1_000_000, most)],
                    [Target(12, theirs, most, 10, text="listing 1M flows: per flow at least 10 x faster than conntrack -L of 250k"),
                     Target(12, theirs, mine, 10, text="listing 250k flows: at least 10 x faster than conntrack -L")],
                    unit="ns a flow", scale=1, is_slow=True, metrics=(("ms", "ms in all", 1),))


def memory():
    label = FlowMemory.label
    return Scenario("memory", "memory of the flow tables, made for a million pairs", [FlowMemory()],
                    [Target(12, label, None, 320, at_most=True, text="memory per flow (pair): at most 320 bytes")], unit="bytes", scale=1)


def control():
    contenders = []
    for count, words in ((10, "10"), (1000, "1,000"), (100_000, "100,000")):
        contenders += [BiplaneRoutes(count, f"biplane apply, {words} routes"), LinuxRoutes(count, f"ip -batch, {words} routes")]
    contenders += [Restart("restart of the agent", "agent"), Restart("restart of the user plane", "user plane")]
    return Scenario("control", "time until it is in force", contenders, [], **MILLISECONDS)


SCENARIOS = {make().name: make for make in (xdp_1k, xdp_ipv6, frame_sizes, xdp_many, xdp_16m, all_new, vxlan_in, vxlan_out, tcx,
                                            user_plane, stream_local, stream_vxlan, request_response, connect_request_response, tables,
                                            memory, growth, policies, costs, control, policy_control)}
