"""Mutated documents: each is refused with a place and changes nothing, or it is accepted, says what it changed, and what `get` then
prints can be applied again without a change. The agent stays up, its memory stays bounded, and a denied port stays denied."""
import http.client
import json
import os
import random
import re
import socket
import time

import pytest
import wire
from tenants import NEAR, NETWORK, PLANE, WEB, Tenants

MUTANTS = int(os.environ.get("BIPLANE_MUTANTS", "400"))  # make soak: 20,000
MEMORY_GROWTH_MAX_KB = 200_000
DENIED_PORT = 4001

# What must not change whatever the mutants are: they never carry these names.
GUARD = """apiVersion: biplane.dev/v1alpha1
kind: BiplanePolicy
metadata: {{ name: guard-{tenant} }}
spec:
  order: 1
  subject: {{ namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {tenant} }} }} }}
  ingress: [{{ action: deny, ports: [{{ protocol: UDP, port: {port} }}] }}]
"""

SEEDS = [
    NETWORK.format(name="green", vni=300, plane="kernel"),
    "apiVersion: biplane.dev/v1alpha1\nkind: Route\nmetadata: { name: outer }\n"
    "spec: { network: red, prefix: 198.51.100.0/24, nextHop: { workload: red/web } }\n",
    "apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata: { name: spare, namespace: red, labels: { app: spare } }\n"
    "spec: { network: red, node: node-b, addresses: [10.0.0.77, \"fd00:a::77\"] }\n",
    "apiVersion: biplane.dev/v1alpha1\nkind: Node\nmetadata: { name: node-z }\nspec: { addresses: [192.0.2.99] }\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { team: \"1\" } }\n",
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: some, namespace: red }\nspec:\n"
    "  podSelector: { matchExpressions: [{ key: app, operator: In, values: [spare] }] }\n  policyTypes: [Ingress, Egress]\n"
    "  ingress:\n  - from: [{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.1.0/24] } }, { namespaceSelector: {} }]\n"
    "    ports: [{ protocol: TCP, port: 80, endPort: 90 }, { port: http }]\n  egress: []\n",
    "apiVersion: biplane.dev/v1alpha1\nkind: BiplanePolicy\nmetadata: { name: more }\nspec:\n  order: 7\n"
    "  subject: { namespaceSelector: { matchLabels: { team: \"1\" } } }\n"
    "  egress: [{ action: deny, log: true, ports: [{ protocol: SCTP, port: 5000 }] }]\n",
]
# Words that a writer's mistake, or an attacker, may put in a value's place.
VALUES = ["", "~", "null", "true", "no", "0", "-1", "0x17", "'0x50'", "1e3", ".inf", "99999999999999999999", "65536", "[]", "{}", "[[]]",
          "10.0.0.0/0", "::/0", "0.0.0.0", "255.255.255.255", "fe80::1", "::ffff:10.0.0.1", "\"\\u0000\"", "&a [*a]", "*a", "!!binary aGk=",
          "a" * 70, "a" * 5000, "../../etc", "/proc/self/ns/net", "red", "red/web", "\ufeff", "\u00e9", "- x", "{a: {a: {a: {a: 1}}}}"]


@pytest.fixture(scope="module")
def tenants(make_lab):
    scene = Tenants(make_lab())
    scene.lab.apply("---\n".join(GUARD.format(tenant=tenant, port=DENIED_PORT) for tenant in PLANE))
    for tenant in PLANE:
        wire.silence(scene[tenant, "web"])
    return scene


class Api(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("agent", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)

    def ask(self, method, path, body=b""):
        try:
            self.request(method, path, body=body)
            answer = self.getresponse()
            return answer.status, answer.read()
        finally:
            self.close()


def mutant(generator, seed):
    """One document with a few mistakes: bytes, lines, words, values, indentation, or a piece of another document."""
    data = seed
    for _ in range(generator.choice([1, 1, 1, 2, 3])):
        lines = data.split("\n")
        at = generator.randrange(len(lines))
        kind = generator.randrange(10)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[generator.randrange(len(lines))])
        elif kind == 2:
            lines[at] = " " * generator.randrange(5) + lines[at]
        elif kind in (3, 4, 5):
            places = [found.span() for found in re.finditer(r"[^\s,{}\[\]:]+", lines[at])]
            if places:
                begin, end = generator.choice(places)
                lines[at] = lines[at][:begin] + generator.choice(VALUES) + lines[at][end:]
        elif kind == 6:
            lines[at] += generator.choice(SEEDS).replace("\n", " ")[:generator.randrange(1, 80)]
        elif kind == 7:
            lines = lines[:at + 1]
        elif kind == 8:
            lines += ["---"] + generator.choice(SEEDS).split("\n")
        data = "\n".join(lines)
        if kind == 9 and data:
            place = generator.randrange(len(data))
            data = data[:place] + chr(generator.randrange(1, 256)) + data[place + 1:]
    encoded = data.encode("utf-8", "surrogatepass")
    if generator.random() < 0.05:
        place = generator.randrange(len(encoded) + 1)
        encoded = encoded[:place] + bytes([generator.randrange(128, 256)]) + encoded[place:]
    return encoded


def memory_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def is_denied(tenants, tenant):
    one = wire.Wire({"near": tenants[tenant, "near"], "web": tenants[tenant, "web"]})
    try:
        port = tenants.fresh_port()
        asked = wire.make(wire.UDP, NEAR["ipv4"], WEB["ipv4"], port, DENIED_PORT)
        allowed = wire.make(wire.UDP, NEAR["ipv4"], WEB["ipv4"], port, DENIED_PORT + 1)
        wanted = ("web", wire.identity(allowed))
        caught = one.exchange([("near", asked), ("near", allowed)], {wanted})
        return caught[wanted] == 1 and caught["web", wire.identity(asked)] == 0
    finally:
        one.close()


def check_refused(before, node, api, body, said, seed):
    message = json.loads(said)["error"]
    assert re.search(r"m:\d+:\d+: \S", message) or "has no documents" in message or "nothing was changed" in message, \
        f"seed {seed}: no place in {message!r} for {body!r}"
    assert api.ask("GET", "/v1/documents?output=yaml")[1] == before, f"seed {seed}: a refusal changed the documents: {body!r}"


def check_accepted(api, said, body, seed):
    documents = api.ask("GET", "/v1/documents?output=yaml")[1]
    status, again = api.ask("POST", "/v1/apply?file=again", documents)
    assert status == 200, f"seed {seed}: what get prints is refused: {again!r} after {body!r}"
    assert json.loads(again)["changes"] == [], f"seed {seed}: what get prints is another document: {again!r} after {body!r}"
    for change in json.loads(said)["changes"]:
        if change["action"] == "create" and "guard" not in change["name"]:
            api.ask("DELETE", f"/v1/documents/{change['kind']}/{change['name']}")


def test_a_mutated_document_is_refused_whole_or_means_what_it_says(tenants):
    seed = random.randrange(1 << 32)
    generator = random.Random(seed)
    node = tenants.lab.nodes["node-a"]
    api = Api(node.directory / "run" / "biplaned.sock")
    start = api.ask("GET", "/v1/documents?output=yaml")[1]
    before, refused, accepted, memory = start, 0, 0, memory_kb(node.agent.pid)
    for number in range(MUTANTS):
        body = mutant(generator, generator.choice(SEEDS))
        status, said = api.ask("POST", "/v1/apply?file=m", body)
        assert status in (200, 400, 409), f"seed {seed}: {status} {said!r} for {body!r}"
        if status == 200:
            accepted += 1
            check_accepted(api, said, body, seed)
            api.ask("POST", "/v1/apply?file=start", start)
            before = api.ask("GET", "/v1/documents?output=yaml")[1]
        else:
            refused += 1
            check_refused(before, node, api, body, said, seed)
        if number % 200 == 0:
            assert all(is_denied(tenants, tenant) for tenant in PLANE), f"seed {seed}: the guard's port is open after {body!r}"
    assert node.agent.poll() is None
    growth = memory_kb(node.agent.pid) - memory
    print(f"seed {seed}: {refused} refused, {accepted} accepted, memory grew by {growth} kB")
    assert refused > MUTANTS / 4 and accepted > MUTANTS / 50
    assert growth < MEMORY_GROWTH_MAX_KB
    assert all(is_denied(tenants, tenant) for tenant in PLANE)
