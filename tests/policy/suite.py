"""The policy suite: a scene of nine workloads in three namespaces, twice, and the steps of cases/*.yaml played on it.

Both networks have the same eighteen workloads' worth of addresses, red in the kernel plane and blue in the user plane, but blue has
given them to other workloads: what leaks from one network into the other is seen. `a` and `b` of each namespace live on node-a, `c` on node-b.

A step of a case file is a sentence and what it takes to make it true:

    - shows: without rules a policy lets nothing in
      continues: true                       # what stood before stays; else the step begins with the bare scene
      networkPolicies: { x/deny: { podSelector: {} } }      # namespace/name: spec
      biplanePolicies: { guard: { subject: {}, ... } }      # name: spec
      documents: "..."                      # verbatim, as a user would write them
      remove: [x/deny, guard]               # policies
      labels: { x/a: { app: db } }          # of workloads, both networks' alike; replaces them
      namespaceLabels: { y: { team: ops } } # null: the Namespace document goes
      ports: { x/a: [{ name: http, port: 8080 }] }
      addresses: { x/a: 9 }                 # the host number, in both networks; null: the one of the scene
      gone: [x/b]                           # workloads; they are back in the next step that does not continue
"""
import copy
import json
import pathlib
import sys

import yaml
from evaluator import ALLOWED, EGRESS_DENIED, INGRESS_DENIED, RULE_DENIED, Evaluator, icmp

CASES = pathlib.Path(__file__).resolve().parent / "cases"
BIPLANE, KUBERNETES = "biplane.dev/v1alpha1", "networking.k8s.io/v1"

NETWORKS = {"red": {"vni": 100, "plane": "kernel"}, "blue": {"vni": 200, "plane": "user"}}
NODES = {"node-a": "192.0.2.1", "node-b": "192.0.2.2"}
SPACES = {"x": {"team": "shop", "env": "prod"}, "y": {"team": "shop", "env": "test"}, "z": {"team": "ops"}}
# Labels and named ports.
WORKLOADS = {
    "x/a": ({"app": "web", "tier": "front"}, [("http", "TCP", 80), ("admin", "TCP", 8080), ("dns", "UDP", 8080), ("signal", "SCTP", 80)]),
    "x/b": ({"app": "db", "tier": "back"}, [("http", "TCP", 8080)]),
    "x/c": ({"app": "web", "tier": "back", "canary": "yes"}, []),
    "y/a": ({"app": "web", "tier": "front"}, [("http", "TCP", 80), ("dns", "UDP", 80)]),
    "y/b": ({"app": "cache"}, [("http", "UDP", 8080)]),
    "y/c": ({}, [("admin", "TCP", 80), ("dns", "UDP", 8080)]),
    "z/a": ({"app": "db", "tier": "front"}, [("http", "TCP", 80), ("signal", "SCTP", 8080)]),
    "z/b": ({"app": "web", "role": "monitor"}, [("http", "TCP", 8080)]),
    "z/c": ({"app": "cache", "tier": "back"}, []),
}
NAMES = list(WORKLOADS)
BLUE_TURN = 4  # blue's workload number n has the address of red's number n + 4

PORTS = (80, 8080)
PROTOCOLS = ("TCP", "UDP", "SCTP")
FAMILIES = ("ipv4", "ipv6")


def workload_key(name, network):
    return name if network == "red" else f"{name}-blue"


def address_number(name, network):
    number = NAMES.index(name) + (BLUE_TURN if network == "blue" else 0)
    return number % len(NAMES)


def addresses(name, network, host=None):
    """10.0.1.1 to .3 are red's x, 10.0.2.1 to .3 red's y, 10.0.3.1 to .3 red's z; fd00:a::1:1 likewise."""
    space, default_host = divmod(address_number(name, network), 3)
    host = default_host + 1 if host is None else host
    return [f"10.0.{space + 1}.{host}", f"fd00:a::{space + 1}:{host}"]


def node_of(name):
    return "node-b" if name.endswith("c") else "node-a"


def document(kind, name, spec=None, space=None, labels=None):
    metadata = {"name": name, **({"namespace": space} if space else {}), **({"labels": labels} if labels else {})}
    api = {"NetworkPolicy": KUBERNETES, "Namespace": "v1"}.get(kind, BIPLANE)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **({} if spec is None else {"spec": spec})}


def key_of(one):
    return one["kind"], one["metadata"].get("namespace", "default") if one["kind"] in ("Workload", "NetworkPolicy") else "", one["metadata"]["name"]


def scene():
    """The documents without a policy, by key_of()."""
    made = [document("Node", name, {"address": address}) for name, address in NODES.items()]
    made += [document("VirtualNetwork", name, {**spec, "subnets": ["10.0.0.0/16", "fd00:a::/64"]}) for name, spec in NETWORKS.items()]
    made += [document("Namespace", name, labels=labels) for name, labels in SPACES.items()]
    for network in NETWORKS:
        for name, (labels, ports) in WORKLOADS.items():
            space, key = name.split("/")[0], workload_key(name, network)
            spec = {"network": network, "node": node_of(name), "addresses": addresses(name, network), "netns": container_of(key)}
            if ports:
                spec["ports"] = [{"name": port, "protocol": protocol, "port": number} for port, protocol, number in ports]
            made.append(document("Workload", key.split("/")[1], spec, space, dict(labels)))
    return {key_of(one): one for one in made}


def container_of(key):
    return key.replace("/", "-")


class Step:
    """A sentence and all documents that stand when it should be true."""

    def __init__(self, shows, documents, origin):
        self.shows, self.documents, self.origin = shows, documents, origin

    @property
    def policies(self):
        return [one for one in self.documents.values() if one["kind"].endswith("Policy")]

    def workload(self, key):
        space, name = key.split("/")
        return self.documents.get(("Workload", space, name))


def changed(documents, written):
    """`documents` as the step of a case file leaves them."""
    after = copy.deepcopy(documents)

    def put(one):
        after[key_of(one)] = one

    for full, spec in (written.get("networkPolicies") or {}).items():
        space, name = full.split("/")
        put(document("NetworkPolicy", name, spec, space))
    for name, spec in (written.get("biplanePolicies") or {}).items():
        put(document("BiplanePolicy", name, spec))
    for one in yaml.safe_load_all(written.get("documents") or ""):
        put(one)
    for full in written.get("remove") or []:
        del after[("NetworkPolicy", *full.split("/")) if "/" in full else ("BiplanePolicy", "", full)]
    for name, labels in (written.get("namespaceLabels") or {}).items():
        if labels is None:
            del after[("Namespace", "", name)]
        else:
            put(document("Namespace", name, labels=labels))
    for network in NETWORKS:
        change_workloads(after, written, network)
    return after


def change_workloads(after, written, network):
    def find(name):
        space, own = workload_key(name, network).split("/")
        return after[("Workload", space, own)]

    for name, labels in (written.get("labels") or {}).items():
        find(name)["metadata"]["labels"] = labels
    for name, ports in (written.get("ports") or {}).items():
        find(name)["spec"]["ports"] = ports
    for name, host in (written.get("addresses") or {}).items():
        find(name)["spec"]["addresses"] = addresses(name, network, host)
    for name in written.get("gone") or []:
        del after[key_of(find(name))]


def load_steps():
    steps, bare = [], scene()
    for path in sorted(CASES.glob("*.yaml")):
        standing = bare
        for number, written in enumerate(yaml.safe_load(path.read_text()), 1):
            standing = changed(standing if written.get("continues") else bare, written)
            steps.append(Step(written["shows"], standing, f"{path.name}, step {number}"))
    return steps


def difference(before, after):
    """What to apply and what to delete on the way from one set of documents to the next."""
    put = [one for key, one in after.items() if before.get(key) != one]
    delete = [one for key, one in before.items() if key not in after]
    return put, delete


class Writer(yaml.SafeDumper):
    """PyYAML does not know that y and n are booleans of YAML 1.1, and would leave out their quotes."""


Writer.add_representer(str, lambda writer, text: writer.represent_scalar(
    "tag:yaml.org,2002:str", text, style="'" if text.lower() in ("y", "n") else None))


def as_yaml(documents):
    return yaml.dump_all(documents, Dumper=Writer, sort_keys=False, default_flow_style=None, width=200)


# --- truth tables ---

class Probe:
    """A first packet between two workloads of one network."""

    def __init__(self, network, source, destination, family, protocol, port):
        self.network, self.source, self.destination = network, source, destination
        self.family, self.protocol, self.port = family, protocol, port

    def __str__(self):
        port = f" type {self.port >> 8}" if self.protocol.startswith("ICMP") else f" port {self.port}"
        return f"{self.network}: {self.source} -> {self.destination}, {self.protocol}{port}, {self.family}"


def services(family):
    """(protocol, port) of the probes between one pair."""
    echo = ("ICMP", icmp(8)) if family == "ipv4" else ("ICMPv6", icmp(128))
    return [(protocol, port) for protocol in PROTOCOLS for port in PORTS] + [echo]


def all_probes():
    return [Probe(network, workload_key(source, network), workload_key(destination, network), family, protocol, port)
            for network in NETWORKS for source in NAMES for destination in NAMES if source != destination
            for family in FAMILIES for protocol, port in services(family)]


def truth(step, probes):
    """The verdict on each probe; None: one of its ends is not there."""
    policies = Evaluator(step.documents.values())
    return [policies.verdict(one.source, one.destination, one.protocol, one.port, one.family)
            if one.source in policies.workloads and one.destination in policies.workloads else None for one in probes]


def address_of(step, key, family):
    return next(one for one in step.workload(key)["spec"]["addresses"] if (":" in one) == (family == "ipv6"))


LETTERS = {ALLOWED: ".", EGRESS_DENIED: "e", INGRESS_DENIED: "i", RULE_DENIED: "r"}


def write_data(path):
    """The suite as data, for the tests in C++. A line of truth: network, source, its address, destination, its address, and the
    verdicts on services() in LETTERS."""
    pairs = [(network, workload_key(source, network), workload_key(destination, network), family)
             for network in NETWORKS for source in NAMES for destination in NAMES if source != destination for family in FAMILIES]
    steps = []
    for step in load_steps():
        policies, lines = Evaluator(step.documents.values()), []
        for network, source, destination, family in pairs:
            if step.workload(source) and step.workload(destination):
                verdicts = [policies.verdict(source, destination, protocol, port, family) for protocol, port in services(family)]
                lines.append([network, source, address_of(step, source, family), destination, address_of(step, destination, family),
                              "".join(LETTERS[verdict] for verdict in verdicts)])
        steps.append({"shows": step.shows, "documents": as_yaml(step.documents.values()), "truth": lines})
    path.write_text(json.dumps({"services": {family: services(family) for family in FAMILIES}, "steps": steps}))


def main():
    write_data(pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    main()
