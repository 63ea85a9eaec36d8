"""Whose rule was it? events, rules, drops and trace name it, in both planes; a flood of events is bounded, and what is left out counted."""
import json
import re
import socket
import time

import pytest
from tenants import NEAR, PLANE, WEB, Tenants

POLICIES = """apiVersion: biplane.dev/v1alpha1
kind: BiplanePolicy
metadata: {{ name: watched-{tenant} }}
spec:
  subject: {{ namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {tenant} }} }}, podSelector: {{}} }}
  ingress:
  - {{ name: telnet, action: deny, log: true, ports: [{{ protocol: UDP, port: 23 }}] }}
  - {{ name: quiet, action: deny, ports: [{{ protocol: UDP, port: 24 }}] }}
  - {{ name: dns, action: allow, log: true, ports: [{{ protocol: UDP, port: 53 }}] }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: closed, namespace: {tenant} }}
spec: {{ podSelector: {{}}, policyTypes: [Ingress], ingress: [{{ ports: [{{ protocol: UDP, port: 1000 }}] }}] }}
"""
FLOOD = 5000
KEPT_PER_SECOND = 500  # per processor or user plane


@pytest.fixture(scope="module")
def tenants(make_lab):
    tenants = Tenants(make_lab())
    for tenant in PLANE:
        tenants.node_of("web").apply(POLICIES.format(tenant=tenant))
    return tenants


def send(tenants, tenant, port, times=1, source_port=0):
    with tenants[tenant, "near"].socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("", source_port))
        for _ in range(times):
            client.sendto(b"?", (WEB["ipv4"], port))


def events(node, tenant):
    done = node.biplane("events", "-o", "json")
    assert done.returncode == 0, done.stderr
    return [event for event in map(json.loads, done.stdout.splitlines()) if event["network"] == tenant]


def wait_for(condition):
    deadline = time.monotonic() + 3
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


def counted(node, rule):
    return next((row["packets"] for row in node.json("rules") if row["rule"] == rule), 0)


@pytest.mark.parametrize("tenant", PLANE)
def test_rules_with_log_leave_events_and_others_do_not(tenants, tenant):
    node, before = tenants.node_of("web"), len(events(tenants.node_of("web"), tenant))
    send(tenants, tenant, 24)                            # denied, not logged
    send(tenants, tenant, 9)                             # isolated, not logged
    send(tenants, tenant, 23, times=2, source_port=4023)  # denied: each packet is one
    time.sleep(0.05)                                     # of one tick, events of two processors have no order
    send(tenants, tenant, 53, times=3, source_port=4053)  # allowed: the flow is one
    found = wait_for(lambda: len(seen := events(node, tenant)[before:]) >= 3 and seen)
    wanted = [("drop", f"BiplanePolicy/watched-{tenant}/ingress/0(telnet)", 4023, 23)] * 2
    wanted += [("allow", f"BiplanePolicy/watched-{tenant}/ingress/2(dns)", 4053, 53)]
    assert [(e["verdict"], e["rule"], e["sourcePort"], e["destinationPort"]) for e in found] == wanted
    for event in found:
        assert (event["source"], event["destination"], event["protocol"], event["side"]) == (NEAR["ipv4"], WEB["ipv4"], "udp", "ingress")
        assert event["port"] == f"{tenant}/near" and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])


@pytest.mark.parametrize("tenant", PLANE)
def test_rules_and_drops_name_the_rule(tenants, tenant):
    node = tenants.node_of("web")
    isolated, telnet, quiet = (f"isolation/ingress/NetworkPolicy/{tenant}/closed", f"BiplanePolicy/watched-{tenant}/ingress/0(telnet)",
                               f"BiplanePolicy/watched-{tenant}/ingress/1(quiet)")
    before = {rule: counted(node, rule) for rule in (isolated, telnet, quiet)}
    send(tenants, tenant, 9, times=3)
    send(tenants, tenant, 23, times=2)
    time.sleep(0.05)  # of one tick, nobody knows which of two processors was the last
    send(tenants, tenant, 24, times=4)
    wanted = {isolated: 3, telnet: 2, quiet: 4}
    assert wait_for(lambda: {rule: counted(node, rule) - before[rule] for rule in wanted} == wanted)
    last = {row["reason"]: row["lastRule"] for row in node.json("drops") if row["port"] == f"{tenant}/near" and row["lastRule"]}
    assert last == {"policy-ingress-denied": isolated, "policy-rule-denied": quiet}


@pytest.mark.parametrize("tenant", PLANE)
def test_a_trace_names_the_rule(tenants, tenant):
    for port, decision, rule in ((23, "deny", f"BiplanePolicy/watched-{tenant}/ingress/0(telnet)"),
                                 (53, "allow", f"BiplanePolicy/watched-{tenant}/ingress/2(dns)"),
                                 (1000, "allow", f"NetworkPolicy/{tenant}/closed/ingress/0"),
                                 (9, "not allowed", f"isolation/ingress/NetworkPolicy/{tenant}/closed")):
        trace = tenants.node_of("web").json("trace", "--from", f"{tenant}/near", "--to", WEB["ipv4"], "--proto", "udp", "--dport", port)
        judged = trace["userPlane"] or trace
        assert judged["policy"] == {"egress": None, "ingress": {"decision": decision, "rule": rule}}


@pytest.mark.parametrize("tenant", PLANE)
def test_a_flood_of_events_is_bounded_and_counted(tenants, tenant):
    node = tenants.node_of("web")
    rule = f"BiplanePolicy/watched-{tenant}/ingress/0(telnet)"

    def totals():
        text = node.run("curl", "-s", "--unix-socket", node.directory / "run" / "biplaned.sock", "http://node/metrics").stdout
        return [int(re.search(rf"^biplane_policy_events_{name}total (\d+)$", text, re.M).group(1)) for name in ("", "suppressed_")]

    time.sleep(1.1)  # into a window of its own
    (written, suppressed), packets, begin = totals(), counted(node, rule), time.monotonic()
    for _ in range(FLOOD // 50):
        send(tenants, tenant, 23, times=50)
        time.sleep(0.002)  # what the receiver's queues hold
    assert wait_for(lambda: counted(node, rule) == packets + FLOOD), f"{counted(node, rule) - packets} of {FLOOD}"
    windows = int(time.monotonic() - begin) + 2
    now = totals()
    assert now[0] - written + now[1] - suppressed == FLOOD
    writers = int(node.run("nproc").stdout) + 1
    assert now[0] - written <= windows * KEPT_PER_SECOND * writers
    done = node.biplane("events")
    assert done.returncode == 0 and f"{now[1]} more were counted but not written" in done.stderr
