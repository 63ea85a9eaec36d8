"""Contenders with many rules: what a packet costs then, and how long it takes until they are in force. Beside them nft, for the same rules."""
import json

from contenders import Contender, flows
from costs import Cost, Node, timed
from devices.linux import find_program
from lab import LabError, Namespace

WORKLOADS = 1000
SPACES = 50
# What lets the traffic of the bench through, from the source to the sink: both are isolated in both directions.
THROUGH = "ipBlock: { cidr: 10.0.0.0/24 }", "{ protocol: UDP, port: 5001, endPort: 6000 }"
GROUND = """apiVersion: biplane.dev/v1alpha1
kind: VirtualNetwork
metadata: { name: red }
spec: { vni: 100, subnets: [10.0.0.0/24, 10.1.0.0/16, "fd00:a::/64"] }
"""
WORKLOAD = """apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: {{ name: w{n}, namespace: space-{space}, labels: {{ id: "{n}" }} }}
spec: {{ network: red, node: node-b, addresses: [{address}] }}
"""
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: {name}, namespace: {space} }}
spec:
  podSelector: {{ {selected} }}
  policyTypes: [{types}]
{rules}"""


def address_of(workload):
    return f"10.1.{1 + (workload >> 8)}.{workload & 255}"


def space_of(workload):
    return f"space-{workload % SPACES}"


def rule(key, peer, port):
    return f"    - {{ {key}: [{{ {peer} }}], ports: [{port}] }}\n"


def policy(name, space, selected, ingress, egress):
    """`ingress` and `egress` are lists of (peer, port); None: not isolated in that direction."""
    rules = ""
    for direction, key, pairs in (("ingress", "from", ingress), ("egress", "to", egress)):
        if pairs is not None:
            rules += f"  {direction}:\n" + "".join(rule(key, peer, port) for peer, port in pairs)
    types = [word for word, pairs in (("Ingress", ingress), ("Egress", egress)) if pairs is not None]
    return POLICY.format(name=name, space=space, selected=selected, types=", ".join(types), rules=rules)


class OnePolicy:
    """One NetworkPolicy for the source and the sink. One half of the rules name somebody else's address each, the other half a port of
    the two workloads themselves, in turn for one direction and the other; so the pair that is judged has a quarter of them, in any direction."""
    words = "rules of one policy"

    @staticmethod
    def tuples(count):
        """(is ingress, peer, protocol, port) of each rule but the last two, which let the traffic through."""
        for n in range(count - 2):
            is_ingress, about = n % 2 == 0, n // 2
            if about % 2 == 0:
                yield is_ingress, f"20.{about >> 16}.{about >> 8 & 255}.{about & 255}", "TCP", 443
            else:
                yield is_ingress, "10.0.0.10" if is_ingress else "10.0.0.11", "UDP", 10000 + n

    def documents(self, count):
        ingress, egress = [THROUGH], [THROUGH]
        for is_ingress, peer, protocol, port in self.tuples(count):
            (ingress if is_ingress else egress).append((f"ipBlock: {{ cidr: {peer}/32 }}", f"{{ protocol: {protocol}, port: {port} }}"))
        return policy("large", "red", "", ingress, egress)

    def nft_tuples(self, count):
        """(source, destination, protocol, port)"""
        for is_ingress, peer, protocol, port in self.tuples(count):
            yield (peer, "10.0.0.11", protocol, port) if is_ingress else ("10.0.0.10", peer, protocol, port)


class ManyPolicies:
    """So many NetworkPolicies of one rule over 1,000 workloads in 50 namespaces, nearly all of them on another node. Each selects one workload and
    names another one; a fiftieth is about the source and the sink."""
    words = "policies of one rule"

    @staticmethod
    def ends(n):
        """Numbers of the selected workload and of its peer."""
        return n % WORKLOADS, (n * 7 + n // WORKLOADS + 1) % WORKLOADS

    @staticmethod
    def ground():
        workloads = [WORKLOAD.format(n=n, space=n % SPACES, address=address_of(n)) for n in range(WORKLOADS - 2)]
        return "---\n".join([GROUND, *workloads])

    @classmethod
    def one(cls, n, port):
        selected, peer = cls.ends(n)
        space, labels = ("red", "") if n % SPACES == 0 else (space_of(selected), f'matchLabels: {{ id: "{selected}" }}')
        who = (f'podSelector: {{ matchLabels: {{ id: "{peer}" }} }}, '
               f"namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {space_of(peer)} }} }}")
        return policy(f"p{n}", space, labels, [(who, f"{{ protocol: TCP, port: {port} }}")], None)

    def documents(self, count):
        through = policy("through", "red", "", [THROUGH], [THROUGH])
        return "---\n".join([through, *(self.one(n, 1 + n) for n in range(count - 1))])

    def nft_tuples(self, count):
        for n in range(count):
            selected, peer = self.ends(n)
            yield address_of(peer), address_of(selected), "TCP", 1 + n


class PolicyNode(Node):
    """With a way to the other node, so that nothing is amiss: then a change of policies alone leaves the host alone."""
    fabric_hook = "tcx"

    def _beyond(self):
        return self.sink

    def build_for(self, shape, count):
        """Up, with so many rules in force, and they are what decides."""
        self.build()
        if hasattr(shape, "ground"):
            self.dut.apply(shape.ground())
        if not count:
            return
        self.dut.apply(shape.documents(count))
        explained = self.dut.json("policy", "explain", "red/source", "red/sink", "udp/5001")
        ruled = [explained[way]["decidedBy"] for way in ("egress", "ingress")]
        if explained["inForce"]["verdict"] != "allowed" or not all(word.startswith(("NetworkPolicy", "networkpolicy")) for word in ruled):
            raise LabError(f"policies do not decide what is measured: {explained}")


class PolicyCost(Cost):
    """ns per packet of an established flow, or of a new one each (`count` 0), where so many rules are in force."""

    def __init__(self, label, shape, rules, count):
        super().__init__(label, "prog_xdp", "xdp", count)
        self.shape, self.rules, self.sent = shape, rules, 0

    def build(self, bench, lab):
        self.node = PolicyNode(lab, bench.tools, self.traffic)
        if not self.traffic.flows:
            self.node.flows_max = 1_000_000
        self.node.build_for(self.shape, self.rules)

    def frames(self, bench):
        if self.traffic.flows:
            return 0, bench.frames
        first, frames = self.sent, 60_000  # as many as seven rounds have room for
        self.sent += frames + 1000  # before them a thousand run to warm up
        return first, frames

    def measure(self, bench):
        created, sent = self.node._ingress()["flowsCreated"], self.sent
        result = super().measure(bench)
        created, sent = self.node._ingress()["flowsCreated"] - created, self.sent - sent
        if created < sent * 0.98:
            raise LabError(f"{self.label}: of {sent} packets, each of a new flow, only {created} made one: {self.node.drops()}")
        return result


def apply_timed(node, documents):
    """Metrics of `biplane apply`: of the whole command, and what the agent says about its parts."""
    done = {}
    took = timed(lambda: done.update(result=node.biplane("apply", "-f", "-", "-o", "json", input=documents, timeout=120)))
    if done["result"].returncode:
        raise LabError(f"biplane apply: {done['result'].stderr[-300:]}")
    timings = json.loads(done["result"].stdout)["timings"]
    return {"rate": took, "in_force_ms": sum(timings.values()) - timings["parse"]} | {f"{name}_ms": ms for name, ms in timings.items()}


class BiplanePolicies(Contender):
    """ms until so many rules are in force, where there were none."""

    def __init__(self, label, shape, count):
        self.label, self.shape, self.count = label, shape, count

    def build(self, bench, lab):
        self.node = PolicyNode(lab, bench.tools, flows(1))
        self.node.build_for(self.shape, 0)
        self.documents = self.shape.documents(self.count)

    def measure(self, bench):
        result = apply_timed(self.node.dut, self.documents)
        done = self.node.dut.biplane("delete", "-f", "-", input=self.documents, timeout=120)
        if done.returncode:
            raise LabError(f"{self.label}: delete: {done.stderr[-300:]}")
        return result


class BiplaneOnePolicy(Contender):
    """ms until one policy of so many has another port."""

    def __init__(self, label, count):
        self.label, self.count, self.port = label, count, 20000

    def build(self, bench, lab):
        self.node = PolicyNode(lab, bench.tools, flows(1))
        self.node.build_for(ManyPolicies(), self.count)

    def measure(self, bench):
        self.port += 1
        return apply_timed(self.node.dut, ManyPolicies.one(self.count // 2 + 1, self.port))


class NftRules(Contender):
    """ms that nft -f takes for the same rules: a chain of them, or the elements of one verdict map."""

    def __init__(self, label, shape, count, as_map):
        self.label, self.shape, self.count, self.as_map = label, shape, count, as_map

    def text(self):
        tuples = self.shape.nft_tuples(self.count)
        if self.as_map:
            elements = ",\n".join(f"{source} . {destination} . {protocol.lower()} . {port} : accept" for source, destination, protocol, port in tuples)
            return ("table ip rules {\n map allowed {\n type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict\n"
                    f" elements = {{\n{elements}\n}}\n }}\n chain forward {{ type filter hook forward priority filter; policy drop;\n"
                    " ct state established,related accept\n ip saddr . ip daddr . meta l4proto . th dport vmap @allowed\n }\n}\n")
        rules = "\n".join(f"ip saddr {source} ip daddr {destination} {protocol.lower()} dport {port} accept"
                          for source, destination, protocol, port in tuples)
        return ("table ip rules {\n chain forward { type filter hook forward priority filter; policy drop;\n"
                f"ct state established,related accept\n{rules}\n }}\n}}\n")

    def build(self, bench, lab):
        self.nft = find_program("nft", "nftables")
        name = f"nft-{len(lab.containers)}"
        self.namespace = lab.containers[name] = Namespace(lab, name)
        self.rules = self.text()

    def measure(self, bench):
        def run(*words, **options):
            done = self.namespace.run(self.nft, *words, timeout=120, **options)
            if done.returncode:
                raise LabError(f"{self.label}: {done.stderr[-300:]}")
        took = timed(lambda: run("-f", "-", input=self.rules))
        run("delete", "table", "ip", "rules")
        return {"rate": took, "in_force_ms": took}
