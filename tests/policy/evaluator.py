"""May this packet pass? Answered straight from the words of the specification, one clause after the other.

    policies = Evaluator(documents)                       # the documents that `biplane apply` gets, as dicts
    policies.verdict("x/a", "y/b", "TCP", 80)             # "allowed", or the reason for which it is dropped
    policies.allowed("x/a", "y/b", "ICMP", icmp(8))

It is what the tests measure the router by, and shares nothing with it: nothing is compiled, nothing is kept, and every question
walks over all documents. It is about the first packet of a flow; a flow's other packets share its fate, both ways.
"""
import ipaddress

ALLOWED = "allowed"
EGRESS_DENIED = "policy-egress-denied"    # the sender is isolated, and nothing allows it to send this
INGRESS_DENIED = "policy-ingress-denied"  # the receiver is isolated, and nothing allows it to get this
RULE_DENIED = "policy-rule-denied"        # a BiplanePolicy says deny
NODE = "node"                             # as a source: the receiver's own node

METADATA_NAME = "kubernetes.io/metadata.name"
ICMP_PROTOCOLS = ("ICMP", "ICMPv6")


def icmp(kind, code=0):
    """What stands in the place of a port for ICMP and ICMPv6."""
    return kind << 8 | code


class Endpoint:
    """One end of a flow: a workload at one of its addresses, or just an address."""

    def __init__(self, address, workload=None):
        self.address = ipaddress.ip_address(address)
        self.workload = workload

    @property
    def space(self):
        return self.workload["metadata"].get("namespace", "default")

    @property
    def labels(self):
        return self.workload["metadata"].get("labels") or {}

    def has_named_port(self, name, protocol, number):
        return any(port["name"] == name and port.get("protocol", "TCP") == protocol and port["port"] == number
                   for port in (self.workload or {}).get("spec", {}).get("ports") or [])


def requirement_holds(requirement, labels):
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or []
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":  # also holds where the key is missing
        return key not in labels or labels[key] not in values
    return {"Exists": key in labels, "DoesNotExist": key not in labels}[operator]


def selects(selector, labels):
    """matchLabels and matchExpressions must all hold; an empty selector selects everything."""
    selector = selector or {}
    return (all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
            and all(requirement_holds(one, labels) for one in selector.get("matchExpressions") or []))


def in_block(block, address):
    def holds(prefix):
        network = ipaddress.ip_network(prefix)
        return network.version == address.version and address in network

    return holds(block["cidr"]) and not any(holds(prefix) for prefix in block.get("except") or [])


def port_matches(entry, protocol, number, destination):
    if entry.get("protocol", "TCP") != protocol:
        return False
    if protocol in ICMP_PROTOCOLS:
        return (entry.get("type") in (None, number >> 8)) and (entry.get("code") in (None, number & 0xFF))
    port = entry.get("port")
    if port is None:
        return True
    if isinstance(port, str):
        return destination.has_named_port(port, protocol, number)
    return port <= number <= entry.get("endPort", port)


class Evaluator:
    def __init__(self, documents):
        self.workloads, self.namespaces, self.network_policies, self.biplane_policies = {}, {}, [], []
        for document in documents:
            kind, metadata = document["kind"], document["metadata"]
            if kind == "Workload":
                self.workloads[f"{metadata.get('namespace', 'default')}/{metadata['name']}"] = document
            elif kind == "Namespace":
                self.namespaces[metadata["name"]] = document
            elif kind == "NetworkPolicy":
                self.network_policies.append(document)
            elif kind == "BiplanePolicy":
                self.biplane_policies.append(document)
        # The lower order is asked first, and among equals the lesser name.
        self.biplane_policies.sort(key=lambda policy: (policy["spec"].get("order", 100), policy["metadata"]["name"]))

    # --- questions ---

    def endpoint(self, name, family):
        """`name`: a workload, or an address that may be a workload's of no network in particular."""
        workload = self.workloads.get(name)
        if workload is None:
            return Endpoint(name)
        address = next(one for one in workload["spec"]["addresses"] if (":" in one) == (family == "ipv6"))
        return Endpoint(address, workload)

    def verdict(self, source, destination, protocol, port, family="ipv4"):
        receiver = self.endpoint(destination, family)
        if source == destination:  # nobody is kept from reaching itself
            return ALLOWED
        sender = None if source == NODE else self.endpoint(source, family)
        if sender is not None and sender.workload:
            verdict = self.one_direction("egress", sender, receiver, protocol, port, receiver)
            if verdict != ALLOWED:
                return verdict
        if sender is None or not receiver.workload:  # the node may always reach its workloads
            return ALLOWED
        return self.one_direction("ingress", receiver, sender, protocol, port, receiver)

    def allowed(self, source, destination, protocol, port, family="ipv4"):
        return self.verdict(source, destination, protocol, port, family) == ALLOWED

    # --- one end ---

    def one_direction(self, direction, subject, other, protocol, port, destination):
        """What the policies that select `subject` say about its traffic with `other` in this direction."""
        action = self.ordered_action(direction, subject, other, protocol, port, destination)
        if action == "allow":
            return ALLOWED
        if action == "deny":
            return RULE_DENIED
        isolating = [policy for policy in self.network_policies
                     if self.is_selected(policy, subject) and direction.capitalize() in self.policy_types(policy["spec"])]
        if not isolating:  # directions are independent: without a policy for this one everything is allowed in it
            return ALLOWED
        if any(self.rule_matches(rule, "from" if direction == "ingress" else "to", policy["metadata"].get("namespace", "default"),
                                 other, protocol, port, destination)
               for policy in isolating for rule in policy["spec"].get(direction) or []):
            return ALLOWED
        return EGRESS_DENIED if direction == "egress" else INGRESS_DENIED

    def is_selected(self, policy, subject):
        """A NetworkPolicy selects workloads of its own namespace only."""
        return (policy["metadata"].get("namespace", "default") == subject.space
                and selects(policy["spec"].get("podSelector"), subject.labels))

    @staticmethod
    def policy_types(spec):
        """Left out: Ingress always, Egress if there is an egress rule."""
        return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])

    def ordered_action(self, direction, subject, other, protocol, port, destination):
        """The first rule of a BiplanePolicy that matches decides; pass and no match leave it to the NetworkPolicies."""
        for policy in self.biplane_policies:
            chosen = policy["spec"].get("subject") or {}
            if not (selects(chosen.get("namespaceSelector"), self.namespace_labels(subject.space))
                    and selects(chosen.get("podSelector"), subject.labels)):
                continue
            for rule in policy["spec"].get(direction) or []:
                if self.rule_matches(rule, "from" if direction == "ingress" else "to", None, other, protocol, port, destination):
                    return rule["action"]
        return "pass"

    # --- rules ---

    def rule_matches(self, rule, peers_key, own_namespace, other, protocol, port, destination):
        """Any of its peers and any of its ports; none given: every one."""
        peers, ports = rule.get(peers_key) or [], rule.get("ports") or []
        return ((not peers or any(self.peer_matches(peer, own_namespace, other) for peer in peers))
                and (not ports or any(port_matches(entry, protocol, port, destination) for entry in ports)))

    def peer_matches(self, peer, own_namespace, other):
        """`own_namespace`: what a podSelector alone is about; None: all namespaces."""
        if "ipBlock" in peer:
            return in_block(peer["ipBlock"], other.address)
        if not other.workload:
            return False
        if "namespaceSelector" in peer:
            in_namespace = selects(peer["namespaceSelector"], self.namespace_labels(other.space))
        else:
            in_namespace = own_namespace in (None, other.space)
        return in_namespace and selects(peer.get("podSelector"), other.labels)

    def namespace_labels(self, space):
        written = self.namespaces.get(space, {}).get("metadata", {}).get("labels") or {}
        return {**written, METADATA_NAME: space}
