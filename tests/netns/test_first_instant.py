"""A workload's first instant: whoever sends as fast as it can from the moment its link is there gets no denied packet through, and
neither does one that sends while the agent is killed and starts again."""
import os
import time

import pytest
import wire
from stream import Sink, Stream, header
from tenants import NEAR, PLANE, WEB, Tenants

BIRTHS = int(os.environ.get("BIPLANE_BIRTHS", "20"))      # make soak: 1,000
RESTARTS = int(os.environ.get("BIPLANE_RESTARTS", "3"))   # make soak: 100
RATE = 10_000
DENIED_IN, DENIED_OUT, ALLOWED = 4001, 4002, 4003  # by the receiver's policy, by the sender's own, by neither
DENIED = (DENIED_IN, DENIED_OUT)
NEWBORN = "10.0.0.99"

POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: first-instant, namespace: TENANT }
spec:
  podSelector: {}
  ingress: [{ ports: [{ protocol: UDP, port: 4002, endPort: 4003 }] }]
  egress: [{ ports: [{ protocol: UDP, port: 4001 }, { protocol: UDP, port: 4003 }] }]
"""
WORKLOAD = """apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: {{ name: newborn, namespace: {tenant} }}
spec: {{ network: {tenant}, node: node-a, addresses: [{address}], netns: {tenant}-newborn }}
"""


@pytest.fixture(scope="module")
def tenants(make_lab):
    tenants = Tenants(make_lab())
    for tenant in PLANE:
        tenants.lab.apply(POLICY.replace("TENANT", tenant))
        wire.silence(tenants[tenant, "web"])
        tenants.lab.container(f"{tenant}-newborn")
    return tenants


def headers_from(source):
    return [header(source, WEB["ipv4"], 4000, port) for port in (DENIED_IN, DENIED_OUT, DENIED_IN, ALLOWED)]


def passed(seen):
    return {port: len(seen[port]) for port in DENIED if seen[port]}


def wait_for_an_allowed_packet(sink, since, seconds=5):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(moment > since for moment in sink.seen[ALLOWED][-1:]):
            return True
        time.sleep(0.005)
    return False


@pytest.mark.parametrize("tenant", PLANE)
def test_a_newborn_gets_nothing_denied_through(tenants, tenant):
    node = tenants.lab.nodes["node-a"]
    stream = Stream(tenants[tenant, "newborn"], headers_from(NEWBORN), RATE)
    for birth in range(BIRTHS):
        sink = Sink(tenants[tenant, "web"])
        begun = time.monotonic_ns()
        node.apply(WORKLOAD.format(tenant=tenant, address=NEWBORN))
        lives = wait_for_an_allowed_packet(sink, begun)
        done = node.biplane("delete", "Workload", f"{tenant}/newborn")
        assert done.returncode == 0, done.stderr
        seen = sink.stop(quiet=0)
        assert lives, f"birth {birth + 1}: not even an allowed packet passed; {node.drops()}"
        assert not passed(seen), f"birth {birth + 1}: denied packets passed, by port: {passed(seen)}"
    sent = stream.stop()
    assert all(len(sent[port]) > BIRTHS for port in DENIED)


@pytest.mark.parametrize("tenant", PLANE)
def test_nothing_denied_passes_while_the_agent_is_killed_and_starts(tenants, tenant):
    node = tenants.lab.nodes["node-a"]
    sink, stream = Sink(tenants[tenant, "web"]), Stream(tenants[tenant, "near"], headers_from(NEAR["ipv4"]), RATE)
    for _ in range(RESTARTS):
        node.agent.kill()
        node.agent.wait()
        node.start_agent()
        assert wait_for_an_allowed_packet(sink, time.monotonic_ns())
    sent, seen = stream.stop(), sink.stop()
    assert not passed(seen) and all(sent[port] for port in DENIED)
    assert len(seen[ALLOWED]) == len(sent[ALLOWED]), "a restart lost allowed packets"
