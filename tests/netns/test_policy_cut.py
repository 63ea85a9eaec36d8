"""A deny cuts established flows at once: none of their packets passes after `apply` has returned, and no other flow loses one. Nobody
walks the flow table for it: the entries of the denied flows stay, and are judged again by their next packet."""
import os
import time

import pytest
import wire
from stream import Sink, Stream, header
from tenants import NEAR, PLANE, WEB, Tenants

FLOWS = int(os.environ.get("BIPLANE_CUT_FLOWS", "20000"))  # make soak: 100,000
SHARE = 100                 # one of so many is denied
RATE = 20_000               # packets per second, all flows in turn
FIRST_PORT = 30_000

DENY = """apiVersion: biplane.dev/v1alpha1
kind: BiplanePolicy
metadata: {{ name: cut-{tenant} }}
spec:
  subject: {{ namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {tenant} }} }} }}
  ingress: [{{ action: deny, ports: [{{ protocol: UDP, port: {port} }}] }}]
"""


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab(settings={"flows": 4 * FLOWS + 100_000}))


def headers_of(first_port):
    """FLOWS flows: SHARE destination ports, and the source ports make the rest."""
    return [header(NEAR["ipv4"], WEB["ipv4"], 1024 + number // SHARE, first_port + number % SHARE) for number in range(FLOWS)]


def pairs(node):
    return node.json("status")["flows"]["pairs"]


@pytest.mark.parametrize("tenant", PLANE)
def test_a_deny_cuts_its_flows_at_once_and_no_other(tenants, tenant):
    node, denied_port = tenants.lab.nodes["node-a"], FIRST_PORT + SHARE // 2
    wire.silence(tenants[tenant, "web"])
    headers = headers_of(FIRST_PORT)
    sink = Sink(tenants[tenant, "web"])
    before = pairs(node)
    opened = Stream(tenants[tenant, "near"], headers, RATE, rounds=1).finish()
    sink.stop()
    assert sum(map(len, opened.values())) == FLOWS and pairs(node) - before == FLOWS

    sink, stream = Sink(tenants[tenant, "web"]), Stream(tenants[tenant, "near"], headers, RATE)
    time.sleep(0.5)
    begun = time.monotonic_ns()
    node.apply(DENY.format(tenant=tenant, port=denied_port))
    in_force = time.monotonic_ns()
    assert pairs(node) - before == FLOWS  # nobody has taken the denied ones out
    time.sleep(max(1.0, 1.5 * FLOWS / RATE))
    sent, seen = stream.stop(), sink.stop()

    print(f"{tenant}: apply took {(in_force - begun) / 1e6:.0f} ms with {FLOWS} flows")
    assert not [moment for moment in seen[denied_port] if moment > in_force], "a denied packet passed after apply had returned"
    assert [moment for moment in sent[denied_port] if moment > in_force], "no denied packet was sent"
    early = [moment for moment in sent[denied_port] if moment < begun]
    assert sorted(seen[denied_port])[:len(early)] == early, "a packet was lost before the deny"
    lost = {port: len(times) - len(seen[port]) for port, times in sent.items() if port != denied_port and len(times) != len(seen[port])}
    assert not lost, f"flows that nobody denied lost packets, by port: {lost}; {node.drops()}; {node.json('status')['userPlane']}"
    refused = len(sent[denied_port]) - len(seen[denied_port])
    assert tenants.port_of(tenant, "near")["drops"].get("policy-rule-denied", 0) == refused


@pytest.mark.parametrize("tenant", PLANE)
def test_the_cut_flows_go_on_when_the_deny_goes(tenants, tenant):
    node, denied_port = tenants.lab.nodes["node-a"], FIRST_PORT + SHARE // 2
    done = node.biplane("delete", "BiplanePolicy", f"cut-{tenant}")
    assert done.returncode == 0, done.stderr
    sink = Sink(tenants[tenant, "web"])
    before = pairs(node)
    sent = Stream(tenants[tenant, "near"], headers_of(FIRST_PORT), RATE, rounds=1).finish()
    seen = sink.stop()
    assert len(sent[denied_port]) == FLOWS // SHARE
    assert {port: len(times) for port, times in sent.items()} == {port: len(times) for port, times in seen.items()}
    assert pairs(node) == before
