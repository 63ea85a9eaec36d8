"""Policies and those who are no workload: the node itself, which may always reach its own, and addresses behind the node's host
port, which only blocks and rules for everybody name. In both planes, one after the other: two networks with the same subnets cannot both
have a host port."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "policy"))
import evaluator  # noqa: E402
import suite  # noqa: E402
import wire  # noqa: E402
from test_policy_suite import PROTOCOL  # noqa: E402

NODE_ADDRESS = "192.0.2.1"
NEAR_OUTSIDE, FAR_OUTSIDE = "203.0.113.5", "203.0.113.200"
SOURCES = {evaluator.NODE: NODE_ADDRESS, NEAR_OUTSIDE: NEAR_OUTSIDE, FAR_OUTSIDE: FAR_OUTSIDE}
OUTSIDE = (NODE_ADDRESS, NEAR_OUTSIDE, FAR_OUTSIDE)  # as destinations the node is one of them
WORKLOAD_NAMES = ("x/a", "x/b", "y/a")

SCENES = {
    "nothing isolates": {},
    "isolated from all but the node": {"networkPolicies": {"x/p": {"podSelector": {}}}},
    "all namespaces are not the outside": {"networkPolicies": {"x/p": {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}}},
    "an empty rule is for the outside, too": {"networkPolicies": {"x/p": {"podSelector": {}, "ingress": [{}]}}},
    "no list of peers is everybody": {"networkPolicies": {"x/p": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}}},
    "a block and its exception": {"networkPolicies": {"x/p": {"podSelector": {}, "ingress": [
        {"from": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]}}]}]}}},
    "nothing leaves, not even to the node": {"networkPolicies": {"x/p": {"podSelector": {}, "policyTypes": ["Egress"]}}},
    "one block may be sent to": {"networkPolicies": {"x/p": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [
        {"to": [{"ipBlock": {"cidr": "203.0.113.0/25"}}], "ports": [{"port": 80}, {"protocol": "UDP"}]}]}}},
    "all namespaces are not the outside of egress": {"networkPolicies": {"x/p": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [
        {"to": [{"namespaceSelector": {}}]}]}}},
    "everything but one block may be sent to": {"networkPolicies": {"x/p": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["203.0.113.5/32", "10.0.0.0/8"]}}]}]}}},
    "a named port is a workload's, the outside has none": {"networkPolicies": {"x/p": {
        "podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": "http"}]}]}}},
    "a rule denies the outside and the node is free": {"biplanePolicies": {"b": {"subject": {}, "ingress": [
        {"action": "deny", "from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 80}]}]}}},
    "a rule denies what leaves": {"biplanePolicies": {"b": {"subject": {}, "egress": [
        {"action": "allow", "to": [{"ipBlock": {"cidr": "203.0.113.5/32"}}]}, {"action": "deny", "to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]}}},
}


def documents():
    return {key: one for key, one in suite.scene().items()
            if one["kind"] != "Workload" or one["metadata"]["name"].removesuffix("-blue") in "ab"}


@pytest.fixture(scope="module")
def lab(make_lab):
    lab = make_lab(nodes=("node-a",))
    node = lab.nodes["node-a"]
    for address in SOURCES.values():
        node.ip("address", "add", f"{address}/32", "dev", "lo")
    wire.silence(node)
    for one in documents().values():
        if one["kind"] == "Workload":
            key = f"{one['metadata']['namespace']}/{one['metadata']['name']}"
            lab.container(suite.container_of(key))
            if key.removesuffix("-blue") in ("x/a", "x/b", "y/a"):
                wire.silence(lab.containers[suite.container_of(key)])
    lab.apply(suite.as_yaml(documents().values()))
    return lab


def routes_to_host(network):
    return [suite.document("Route", f"outside-{number}", {"network": network, "destination": destination, "nextHop": "host"})
            for number, destination in enumerate((f"{NODE_ADDRESS}/32", "203.0.113.0/24"))]


@pytest.fixture(scope="module", params=suite.NETWORKS)
def network(request, lab):
    node = lab.nodes["node-a"]
    node.apply(suite.as_yaml(routes_to_host(request.param)))
    yield request.param
    done = node.biplane("delete", "-f", "-", input=suite.as_yaml(routes_to_host(request.param)))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def ends(lab, network):
    """The wire, with the node as one of its ends."""
    workloads = {suite.workload_key(name, network): lab.containers[suite.container_of(suite.workload_key(name, network))]
                 for name in WORKLOAD_NAMES}
    ends = wire.Wire({**workloads, "node": lab.nodes["node-a"]}, {"node": f"bph-{suite.NETWORKS[network]['vni']}"})
    yield ends
    ends.close()


def questions(step, network, source_port):
    """(sender, packet, receiver, verdict, sentence), in both directions."""
    policies = evaluator.Evaluator(step.documents.values())
    for name in WORKLOAD_NAMES:
        key = suite.workload_key(name, network)
        inside = suite.address_of(step, key, "ipv4")
        for protocol, port in suite.services("ipv4"):
            for source, address in SOURCES.items():
                yield ("node", wire.make(PROTOCOL[protocol], address, inside, source_port, port), key,
                       policies.verdict(source, key, protocol, port), f"{source} -> {key}, {protocol} {port}")
            for address in OUTSIDE:
                yield (key, wire.make(PROTOCOL[protocol], inside, address, source_port, port), "node",
                       policies.verdict(key, address, protocol, port), f"{key} -> {address}, {protocol} {port}")


@pytest.mark.parametrize("scene", SCENES)
def test_outside(lab, network, ends, scene):
    node = lab.nodes["node-a"]
    step = suite.Step(scene, suite.changed(documents(), SCENES[scene]), "")
    put, _ = suite.difference(documents(), step.documents)
    if put:
        node.apply(suite.as_yaml(put))
    asked = list(questions(step, network, 20000 + list(SCENES).index(scene)))
    before = node.drops()
    wanted = {(receiver, wire.identity(packet)) for _, packet, receiver, verdict, _ in asked if verdict == evaluator.ALLOWED}
    denied = {}
    for *_, verdict, _ in asked:
        if verdict != evaluator.ALLOWED:
            denied[verdict] = denied.get(verdict, 0) + 1

    def counted():
        after = node.drops()
        return {reason: after[reason] - before.get(reason, 0) for reason in after
                if reason.startswith("policy-") and after[reason] != before.get(reason, 0)}

    arrived = ends.exchange([(sender, packet) for sender, packet, *_ in asked], wanted, lambda: counted() == denied)
    complaints = [f"{sentence}: wanted {verdict}, arrived {arrived.get((receiver, wire.identity(packet)), 0)} times"
                  for _, packet, receiver, verdict, sentence in asked
                  if arrived.get((receiver, wire.identity(packet)), 0) != (verdict == evaluator.ALLOWED)]
    seen = counted()
    if put:
        node.biplane("delete", "-f", "-", input=suite.as_yaml(put))
    assert not complaints, "\n".join(complaints[:10]) + f"\n{seen}, wanted {denied}"
    assert seen == denied
