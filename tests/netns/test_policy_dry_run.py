"""What `policy test` says before a change is what the change does; --max-cut holds it back; `policy explain` says why."""
import contextlib
import json
import re
import shutil
import socket
import time

import pytest
from tenants import FAMILY, FAR, NEAR, PLANE, WEB, Tenants, documents

ADDRESS = {"web": WEB, "near": NEAR, "far": FAR}
DATAGRAM, STREAM = socket.SOCK_DGRAM, socket.SOCK_STREAM
PROTOCOL = {DATAGRAM: "udp", STREAM: "tcp"}

POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: web-in, namespace: {tenant} }}
spec:
  podSelector: {{ matchLabels: {{ role: web }} }}
  policyTypes: [Ingress]
  ingress:
    - from: [{{ podSelector: {{ matchLabels: {{ role: near }} }} }}]
      ports: [{{ protocol: UDP, port: 5000 }}, {{ protocol: TCP, port: 8080 }}]
"""


def labelled(text):
    return re.sub(r"name: (\w+), namespace: (\w+) }", r"name: \1, namespace: \2, labels: { role: \1 } }", text)


@pytest.fixture(scope="module")
def tenants(make_lab):
    tenants = Tenants(make_lab())
    tenants.lab.apply(labelled(documents()))
    return tenants


class Flow:
    """A client and a server that have talked to each other, and may go on."""

    def __init__(self, tenants, tenant, source, destination, kind, port, family="ipv4"):
        self.address, self.port, self.kind, self.source, self.family = ADDRESS[destination][family], port, kind, source, family
        self.server = tenants[tenant, destination].socket(FAMILY[family], kind)
        self.client = tenants[tenant, source].socket(FAMILY[family], kind)
        for end in (self.server, self.client):
            end.settimeout(2)
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(("", port))
        self.peer = self.server
        if kind == STREAM:
            self.server.listen()
        self.client.connect((self.address, port))
        if kind == STREAM:
            self.peer = self.server.accept()[0]
            self.peer.settimeout(2)
        assert self.goes_on(2)

    def goes_on(self, seconds):
        """Whether a question comes through and its answer back."""
        question = str(time.monotonic_ns()).encode()
        try:
            self.client.send(question)
            self.peer.settimeout(seconds)
            self.client.settimeout(seconds)
            if self.kind == STREAM:
                if self.peer.recv(100) != question:
                    return False
                self.peer.send(question)
            else:
                asked, client = self.peer.recvfrom(100)
                if asked != question:
                    return False
                self.peer.sendto(question, client)
            return self.client.recv(100) == question
        except OSError:
            return False

    def key(self):
        return PROTOCOL[self.kind], ADDRESS[self.source][self.family], self.client.getsockname()[1], self.address, self.port

    def close(self):
        if self.kind == STREAM:  # a reset, so that no connection of this port lingers
            for end in (self.client, self.peer):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                end.close()
        for end in (self.client, self.server):
            end.close()


def key_of(example):
    return tuple(example[field] for field in ("protocol", "source", "sourcePort", "destination", "destinationPort"))


@contextlib.contextmanager
def flows(tenants, tenant, what):
    made = {}
    try:
        for name, how in what.items():
            made[name] = Flow(tenants, tenant, *how)
        yield made
    finally:
        for flow in made.values():
            flow.close()


KEPT = {
    "the rule's UDP port": ("near", "web", DATAGRAM, 5000),
    "the rule's TCP port": ("near", "web", STREAM, 8080),
    "what the subject began itself": ("web", "near", DATAGRAM, 7000),
    "between others": ("far", "near", STREAM, 8080),
}
CUT = {
    "another port": ("near", "web", DATAGRAM, 6000),
    "another port, IPv6": ("near", "web", DATAGRAM, 6001, "ipv6"),
    "another sender, TCP": ("far", "web", STREAM, 8081),
    "another sender, UDP": ("far", "web", DATAGRAM, 5001),
}


@pytest.fixture
def policy(tenants, tenant):
    """The policy's text; whatever the test does with it, it is gone afterwards."""
    yield POLICY.format(tenant=tenant)
    for node in tenants.lab.nodes.values():
        node.biplane("delete", "networkpolicy", f"{tenant}/web-in")


def said(node, text, *words):
    done = node.biplane("policy", "test", "-f", "-", "-o", "json", *words, input=text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("tenant", PLANE)
def test_what_is_said_to_be_cut_is_cut_and_nothing_else(tenants, tenant, policy):
    node_a, node_b = tenants.lab.nodes.values()
    with flows(tenants, tenant, KEPT | CUT) as live:
        epoch = node_a.json("status")["epoch"]
        foreseen = said(node_a, policy)
        assert foreseen["changes"] == [{"action": "create", "kind": "NetworkPolicy", "name": f"{tenant}/web-in", "detail": ""}]
        isolation = f"isolation/ingress/NetworkPolicy/{tenant}/web-in"
        assert {key_of(flow) for flow in foreseen["flows"]["examples"]} == {live[name].key() for name in CUT}
        assert foreseen["flows"]["cut"] == len(CUT)
        assert foreseen["flows"]["judged"] >= len(KEPT | CUT)
        assert foreseen["flows"]["reasons"] == [{"flows": len(CUT), "reason": "policy-ingress-denied", "rule": isolation}]
        assert {flow["rule"] for flow in foreseen["flows"]["examples"]} == {isolation}
        assert said(node_a, policy, "--limit", "1")["flows"]["cut"] == len(CUT)
        assert len(said(node_a, policy, "--limit", "1")["flows"]["examples"]) == 1
        assert {key_of(flow) for flow in said(node_b, policy)["flows"]["examples"]} == {
            live[name].key() for name in CUT if name.startswith("another sender")}
        text = node_a.biplane("policy", "test", "-f", "-", input=policy).stdout
        assert f"cuts {len(CUT)} of " in text and isolation in text and "nothing was changed" in text

        assert node_a.json("status")["epoch"] == epoch
        assert all(flow.goes_on(2) for flow in live.values())
        tenants.lab.apply(policy)
        assert {name for name in KEPT if not live[name].goes_on(2)} == set()
        assert {name for name in CUT if live[name].goes_on(0.3)} == set()
        again = said(node_a, policy)
        assert again["changes"] == [] and again["flows"]["cut"] == 0 and again["flows"]["alreadyCut"] >= len(CUT)


@pytest.mark.parametrize("tenant", PLANE)
def test_what_opens_and_closes_is_said_by_name(tenants, tenant, policy):
    node = tenants.lab.nodes["node-a"]

    def changes(side, foreseen):
        return {(change["source"], change["destination"], change["family"], change["ports"])
                for change in foreseen["reachability"][side]["changes"]}

    expected = set()
    for family in WEB:
        expected |= {(f"{tenant}/near", f"{tenant}/web", family, "everything but TCP 8080, UDP 5000"),
                     (f"{tenant}/far", f"{tenant}/web", family, "everything")}
    foreseen = said(node, policy)
    assert changes("closes", foreseen) == expected and changes("opens", foreseen) == set()
    assert foreseen["reachability"]["closes"]["count"] == len(expected) and foreseen["reachability"]["whole"]
    node.apply(policy)
    foreseen = said(node, policy, "--delete")
    assert changes("opens", foreseen) == expected and changes("closes", foreseen) == set()
    foreseen = said(node, policy.replace("port: 8080", "port: 9090"))
    assert changes("opens", foreseen) == {(f"{tenant}/near", f"{tenant}/web", family, "TCP 9090") for family in WEB}
    assert changes("closes", foreseen) == {(f"{tenant}/near", f"{tenant}/web", family, "TCP 8080") for family in WEB}
    text = node.biplane("policy", "test", "-f", "-", input=policy.replace("port: 8080", "port: 9090")).stdout
    assert f"opens {tenant}/near -> {tenant}/web  TCP 9090" in text
    assert f"closes {tenant}/near -> {tenant}/web  TCP 8080" in text


@pytest.mark.parametrize("tenant", PLANE)
def test_a_change_that_would_cut_more_than_allowed_is_refused(tenants, tenant, policy):
    node = tenants.lab.nodes["node-a"]
    with flows(tenants, tenant, {"another port": CUT["another port"], "another sender": CUT["another sender, TCP"]}) as live:
        epoch = node.json("status")["epoch"]
        cut = said(node, policy)["flows"]["cut"]  # also what other tests left behind, until it expires
        assert cut >= 2
        for words in (["--max-cut", "1"], ["--max-cut", "0", "--dry-run"]):
            done = node.biplane("apply", "-f", "-", *words, input=policy)
            assert done.returncode == 1
            assert re.search(rf"would cut \d+ live flows \(\d+ by isolation/ingress/NetworkPolicy/{tenant}/web-in\)", done.stderr), done.stderr
            assert f"at most {words[1]} may be cut; nothing was changed" in done.stderr
        assert node.json("status")["epoch"] == epoch
        assert node.json("get", "networkpolicy") == []
        assert all(flow.goes_on(2) for flow in live.values())
        done = node.biplane("apply", "-f", "-", "--max-cut", cut, input=policy)
        assert done.returncode == 0, done.stderr
        assert not any(flow.goes_on(0.3) for flow in live.values())
    with flows(tenants, tenant, {"the rule's TCP port": KEPT["the rule's TCP port"]}) as live:
        done = node.biplane("delete", "workload", f"{tenant}/near", "--max-cut", "0")
        assert done.returncode == 1 and "would cut" in done.stderr and "source-address-spoofed" in done.stderr, done.stderr
        assert live["the rule's TCP port"].goes_on(2)
        assert node.biplane("delete", "networkpolicy", f"{tenant}/web-in", "--max-cut", "0").returncode == 0
    assert node.biplane("apply", "-f", "-", "--max-cut", "-1", input=policy).returncode == 2


def explained(node, *words):
    return node.json("policy", "explain", *words)


@pytest.mark.parametrize("tenant", PLANE)
def test_an_explanation_names_the_rules_that_decide_and_why_others_do_not(tenants, tenant, policy):
    tenants.lab.apply(policy)
    web, near, far = (f"{tenant}/{name}" for name in ("web", "near", "far"))
    rule, isolation = f"NetworkPolicy/{tenant}/web-in/ingress/0", f"isolation/ingress/NetworkPolicy/{tenant}/web-in"
    for node in tenants.lab.nodes.values():
        allowed = explained(node, near, web, "udp/5000")
        assert (allowed["verdict"], allowed["ingress"]["decidedBy"], allowed["egress"]["decidedBy"]) == ("allowed", rule, "")
        assert allowed["ingress"]["isolatedBy"] == [f"{tenant}/web-in"]
        assert allowed["ingress"]["rules"][0]["outcome"] == "decided"
        assert allowed["inForce"]["agrees"] and allowed["inForce"]["ingressRule"] == rule
        assert allowed["source"]["address"] == NEAR["ipv4"]
        other_port = explained(node, near, WEB["ipv6"], "udp/6000")
        assert (other_port["verdict"], other_port["ingress"]["decidedBy"]) == ("denied", isolation)
        assert other_port["ingress"]["rules"][0]["outcome"] == "other port"
        assert other_port["destination"]["workload"] == web and other_port["source"]["address"] == NEAR["ipv6"]
        other_peer = explained(node, far, web, "tcp/8080")
        assert (other_peer["verdict"], other_peer["ingress"]["rules"][0]["outcome"]) == ("denied", "other peer")
        assert far in other_peer["ingress"]["rules"][0]["note"]
        assert other_peer["inForce"] == {"epoch": node.json("status")["epoch"], "verdict": "denied", "egressRule": "",
                                         "ingressRule": isolation, "route": True, "agrees": True}
        assert explained(node, near, web, "icmp")["verdict"] == "denied"
        assert explained(node, web, near, "icmpv6/128")["source"]["address"] == WEB["ipv6"]
        assert explained(node, web, web, "tcp/1")["samePort"] is True
        text = node.biplane("policy", "explain", far, web, "tcp/8080").stdout
        assert text.startswith(f"{far} ({FAR['ipv4']}) -> {web} ({WEB['ipv4']}), network {tenant}, tcp/8080: denied\n")
        assert f"isolated by NetworkPolicy {tenant}/web-in" in text and f"{rule} (allow): other peer" in text
    node = tenants.lab.nodes["node-a"]
    for words in ([near, web, "tcp"], [near, web, "tcp/65536"], ["10.0.0.10", "10.0.0.11", "tcp/80"], [WEB["ipv6"], NEAR["ipv4"], "icmp"]):
        assert node.biplane("policy", "explain", *words).returncode == 2, words
    assert node.biplane("policy", "explain", "10.0.0.11", "10.0.0.10", "tcp/80", "--network", tenant).returncode == 0
    assert node.biplane("policy").returncode == 2


def test_an_explanation_needs_no_agent(tenants):
    node = tenants.lab.nodes["node-b"]
    node.apply(POLICY.format(tenant="red"))
    node.agent.terminate()
    node.agent.wait(timeout=10)
    try:
        assert explained(node, "red/far", "red/web", "tcp/80")["inForce"]["verdict"] == "denied"
        assert node.biplane("policy", "test", "-f", "-", input=POLICY.format(tenant="red")).returncode == 3
    finally:
        node.start_agent()
        node.biplane("delete", "networkpolicy", "red/web-in")


def test_tables_that_say_otherwise_than_the_documents_are_complained_about(tenants):
    """The documents of node-a, where the policy is in force, lie in the store of node-b, where it is not."""
    node_a, node_b = tenants.lab.nodes.values()
    stored = [node.directory / "store" / "documents" for node in (node_a, node_b)]
    aside = node_b.directory / "aside"
    node_b.agent.terminate()
    node_b.agent.wait(timeout=10)
    try:
        node_a.apply(POLICY.format(tenant="red"))
        stored[1].rename(aside)
        shutil.copytree(stored[0], stored[1])
        done = node_b.biplane("policy", "explain", "red/far", "red/web", "tcp/80", "-o", "json")
        assert done.returncode == 1 and "the tables in force say otherwise than the documents" in done.stderr
        said_both = json.loads(done.stdout)
        assert (said_both["verdict"], said_both["inForce"]["verdict"], said_both["inForce"]["agrees"]) == ("denied", "allowed", False)
        assert node_b.biplane("policy", "explain", "red/near", "red/far", "tcp/80").returncode == 0  # nothing differs here
    finally:
        shutil.rmtree(stored[1])
        aside.rename(stored[1])
        node_b.start_agent()
        node_a.biplane("delete", "networkpolicy", "red/web-in")
