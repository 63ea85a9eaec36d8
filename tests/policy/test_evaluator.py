"""The traps of the specification, each as one question to the evaluator whose answer is plain to a reader."""
import pytest
import yaml
from evaluator import (ALLOWED, EGRESS_DENIED, INGRESS_DENIED, NODE, RULE_DENIED, Evaluator, icmp)

WORLD = """
{kind: Namespace, metadata: {name: x, labels: {team: shop}}}
---
{kind: Workload, metadata: {name: web, namespace: x, labels: {app: web, tier: front}},
 spec: {addresses: [10.0.1.1, "fd00::1:1"], ports: [{name: http, port: 80}, {name: dns, protocol: UDP, port: 53}]}}
---
{kind: Workload, metadata: {name: db, namespace: x, labels: {app: db}},
 spec: {addresses: [10.0.1.2, "fd00::1:2"], ports: [{name: http, port: 8080}]}}
---
{kind: Workload, metadata: {name: web, namespace: y, labels: {app: web}}, spec: {addresses: [10.0.2.1, "fd00::2:1"]}}
"""


def world(*policies):
    documents = list(yaml.safe_load_all(WORLD))
    for text in policies:
        name, spec = text.split(" ", 1)
        kind = "NetworkPolicy" if "/" in name else "BiplanePolicy"
        metadata = {"name": name.split("/")[-1], **({"namespace": name.split("/")[0]} if "/" in name else {})}
        documents.append({"kind": kind, "metadata": metadata, "spec": yaml.safe_load(spec)})
    return Evaluator(documents)


TRAPS = [
    ("without a policy everything passes", [], ("y/web", "x/db", "TCP", 80), ALLOWED),
    ("a policy without rules isolates for ingress", ["x/p {podSelector: {}}"], ("y/web", "x/db", "TCP", 80), INGRESS_DENIED),
    ("and only for ingress", ["x/p {podSelector: {}}"], ("x/db", "y/web", "TCP", 80), ALLOWED),
    ("and only its own namespace", ["x/p {podSelector: {}}"], ("x/db", "y/web", "UDP", 80), ALLOWED),
    ("an egress rule makes the policy one of egress too", ["x/p {podSelector: {}, egress: [{ports: [{port: 80}]}]}"],
     ("x/db", "y/web", "TCP", 81), EGRESS_DENIED),
    ("an empty list of egress rules does not", ["x/p {podSelector: {}, egress: []}"], ("x/db", "y/web", "TCP", 81), ALLOWED),
    ("Egress listed, without rules: nothing leaves", ["x/p {podSelector: {}, policyTypes: [Egress]}"],
     ("x/db", "y/web", "TCP", 81), EGRESS_DENIED),
    ("rules of a direction that is not listed do nothing", ["x/p {podSelector: {}, policyTypes: [Egress], ingress: [], egress: [{}]}"],
     ("y/web", "x/db", "TCP", 81), ALLOWED),
    ("an empty rule allows everybody everything", ["x/p {podSelector: {}, ingress: [{}]}"], ("192.0.2.1", "x/db", "SCTP", 7), ALLOWED),
    ("an empty list of peers is everybody", ["x/p {podSelector: {}, ingress: [{from: []}]}"], ("192.0.2.1", "x/db", "TCP", 7), ALLOWED),
    ("a pod selector means the policy's own namespace", ["x/p {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}"],
     ("y/web", "x/db", "TCP", 80), INGRESS_DENIED),
    ("an empty namespace selector is every namespace", ["x/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"],
     ("y/web", "x/db", "TCP", 80), ALLOWED),
    ("but not the outside", ["x/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"],
     ("192.0.2.1", "x/db", "TCP", 80), INGRESS_DENIED),
    ("both selectors in one entry are and",
     ["x/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: web}}}]}]}"],
     ("y/web", "x/db", "TCP", 80), INGRESS_DENIED),
    ("in two entries they are or, the pod selector of the own namespace",
     ["y/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}}, {podSelector: {matchLabels: {app: db}}}]}]}"],
     ("x/web", "y/web", "TCP", 80), ALLOWED),
    ("a namespace without a document has its name as a label",
     ["x/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: y}}}]}]}"],
     ("y/web", "x/db", "TCP", 80), ALLOWED),
    ("NotIn holds where the key is missing",
     ["x/p {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}}]}]}"],
     ("x/db", "x/web", "TCP", 80), ALLOWED),
    ("In does not", ["x/p {podSelector: {matchExpressions: [{key: tier, operator: In, values: [front]}]}}"],
     ("y/web", "x/db", "TCP", 80), ALLOWED),
    ("DoesNotExist selects what lacks the key", ["x/p {podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}"],
     ("y/web", "x/db", "TCP", 80), INGRESS_DENIED),
    ("rules do not mix: peer of one, port of the other",
     ["x/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.2.0/24}}], ports: [{port: 80}]}, {from: [{podSelector: {}}], ports: [{port: 443}]}]}"],
     ("y/web", "x/db", "TCP", 443), INGRESS_DENIED),
    ("an exception of a block is not in it", ["x/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.2.0/24]}}]}]}"],
     ("y/web", "x/db", "TCP", 443), INGRESS_DENIED),
    ("another policy may allow it again",
     ["x/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.2.0/24]}}]}]}",
      "x/q {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.2.1/32}}]}]}"], ("y/web", "x/db", "TCP", 443), ALLOWED),
    ("a block of one family has nothing of the other", ["x/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}"],
     ("y/web", "x/db", "TCP", 443), INGRESS_DENIED),
    ("a port is of TCP unless it says so", ["x/p {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"],
     ("y/web", "x/db", "UDP", 80), INGRESS_DENIED),
    ("SCTP is not TCP", ["x/p {podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}"], ("y/web", "x/db", "SCTP", 80), INGRESS_DENIED),
    ("the end of a range belongs to it", ["x/p {podSelector: {}, ingress: [{ports: [{port: 80, endPort: 90}]}]}"],
     ("y/web", "x/db", "TCP", 90), ALLOWED),
    ("a name is the destination's: of the sender's egress too", ["x/p {podSelector: {}, egress: [{ports: [{port: http}]}]}"],
     ("x/web", "x/db", "TCP", 80), EGRESS_DENIED),
    ("with the destination's number", ["x/p {podSelector: {}, egress: [{ports: [{port: http}]}], policyTypes: [Egress]}"],
     ("x/web", "x/db", "TCP", 8080), ALLOWED),
    ("the protocol of a name must be the rule's", ["x/p {podSelector: {}, ingress: [{ports: [{port: dns}]}]}"],
     ("y/web", "x/web", "UDP", 53), INGRESS_DENIED),
    ("both ends must agree", ["x/p {podSelector: {}, ingress: [{}]}", "y/p {podSelector: {}, policyTypes: [Egress]}"],
     ("y/web", "x/db", "TCP", 80), EGRESS_DENIED),
    ("a workload does not block itself", ["x/p {podSelector: {}, policyTypes: [Ingress, Egress]}"], ("x/db", "x/db", "TCP", 80), ALLOWED),
    ("the node reaches its workloads", ["x/p {podSelector: {}}"], (NODE, "x/db", "TCP", 80), ALLOWED),
    ("ICMP needs a rule without ports", ["x/p {podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}"],
     ("y/web", "x/db", "ICMP", icmp(8)), INGRESS_DENIED),
    ("ICMP by a rule without ports", ["x/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"],
     ("y/web", "x/db", "ICMP", icmp(8)), ALLOWED),
    ("a deny comes before every NetworkPolicy",
     ["x/p {podSelector: {}, ingress: [{}]}", "b {subject: {}, ingress: [{action: deny, ports: [{port: 80}]}]}"],
     ("y/web", "x/db", "TCP", 80), RULE_DENIED),
    ("and isolates nobody", ["b {subject: {}, ingress: [{action: deny, ports: [{port: 80}]}]}"], ("y/web", "x/db", "TCP", 81), ALLOWED),
    ("the lower order decides",
     ["a {subject: {}, ingress: [{action: deny}]}", "b {order: 5, subject: {}, ingress: [{action: allow}]}"],
     ("y/web", "x/db", "TCP", 80), ALLOWED),
    ("pass goes to the NetworkPolicies, past later orders",
     ["a {order: 1, subject: {}, ingress: [{action: pass}]}", "b {order: 5, subject: {}, ingress: [{action: deny}]}", "x/p {podSelector: {}}"],
     ("y/web", "x/db", "TCP", 80), INGRESS_DENIED),
    ("an allow of one direction is none of the other",
     ["a {subject: {}, egress: [{action: allow}]}", "x/p {podSelector: {}}"], ("y/web", "x/db", "TCP", 80), INGRESS_DENIED),
    ("a pod selector of a BiplanePolicy is of all namespaces",
     ["a {subject: {}, ingress: [{action: deny, from: [{podSelector: {matchLabels: {app: web}}}]}]}"],
     ("y/web", "x/db", "TCP", 80), RULE_DENIED),
    ("an ICMP type", ["a {subject: {}, ingress: [{action: deny, ports: [{protocol: ICMP, type: 8}]}]}"],
     ("y/web", "x/db", "ICMP", icmp(8)), RULE_DENIED),
    ("is not another", ["a {subject: {}, ingress: [{action: deny, ports: [{protocol: ICMP, type: 8}]}]}"],
     ("y/web", "x/db", "ICMP", icmp(13)), ALLOWED),
]


@pytest.mark.parametrize("policies, question, answer", [trap[1:] for trap in TRAPS], ids=[trap[0] for trap in TRAPS])
def test_trap(policies, question, answer):
    assert world(*policies).verdict(*question) == answer


def test_ipv6_addresses_are_judged_by_their_own_blocks():
    policies = world("x/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 'fd00::2:0/112'}}]}]}")
    assert policies.verdict("y/web", "x/db", "TCP", 80, "ipv6") == ALLOWED
    assert policies.verdict("y/web", "x/db", "TCP", 80, "ipv4") == INGRESS_DENIED
