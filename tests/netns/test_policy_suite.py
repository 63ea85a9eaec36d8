"""The policy suite (tests/policy) with live traffic: red in the kernel plane, blue in the user plane, at the same time.

After each step's documents are in force, every pair of workloads exchanges first packets of TCP, UDP, SCTP and ICMP over IPv4 and
IPv6; what the evaluator allows must arrive, what it denies must not, and must be counted under the reason the evaluator
gives. Before that, flows that have stood since other steps send one packet each way: allowed ones pass, denied ones are cut.
"""
import concurrent.futures
import os
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "policy"))
import evaluator  # noqa: E402
import suite  # noqa: E402
import wire  # noqa: E402

PROTOCOL = {"TCP": wire.TCP, "UDP": wire.UDP, "SCTP": wire.SCTP, "ICMP": wire.ICMP, "ICMPv6": wire.ICMPV6}
REASONS = (evaluator.EGRESS_DENIED, evaluator.INGRESS_DENIED, evaluator.RULE_DENIED)
FIRST_SOURCE_PORT, FIRST_STANDING_PORT = 10000, 50000
STEPS = suite.load_steps()[slice(*(int(word) if word else None for word in os.environ.get("BIPLANE_SUITE_STEPS", ":").split(":")))]
FLOWS = 400_000


class Standing:
    """A flow that is kept over many steps."""

    def __init__(self, network, initiator, responder, protocol, family, number):
        self.network, self.family, self.protocol = network, family, protocol
        self.initiator, self.responder = suite.workload_key(initiator, network), suite.workload_key(responder, network)
        self.port, self.source_port = suite.PORTS[number // 2 % 2], FIRST_STANDING_PORT + number
        self.is_open = False

    def __str__(self):
        return f"standing {self.protocol} flow of {self.network}, {self.initiator} -> {self.responder} port {self.port}, {self.family}"

    def forward(self, step, payload, **how):
        return self.initiator, wire.make(PROTOCOL[self.protocol], suite.address_of(step, self.initiator, self.family),
                                         suite.address_of(step, self.responder, self.family), self.source_port, self.port,
                                         payload=payload, **how)

    def backward(self, step, payload, **how):
        return self.responder, wire.make(PROTOCOL[self.protocol], suite.address_of(step, self.responder, self.family),
                                         suite.address_of(step, self.initiator, self.family), self.port, self.source_port,
                                         payload=payload, **how)

    def opening(self, step):
        if self.protocol == "UDP":
            return [self.forward(step, b"open"), self.backward(step, b"opened")]
        return [self.forward(step, b"", flags=wire.SYN, sequence=1000),
                self.backward(step, b"", flags=wire.SYN | wire.ACK, sequence=2000, acknowledgment=1001),
                self.forward(step, b"", flags=wire.ACK, sequence=1001, acknowledgment=2001)]

    def forth_and_back(self, step):
        """The same segments every time: to TCP they are sent again because nobody has acknowledged them."""
        if self.protocol == "UDP":
            return [self.forward(step, b"forth"), self.backward(step, b"back")]
        return [self.forward(step, b"forth", flags=wire.PSH | wire.ACK, sequence=1001, acknowledgment=2001),
                self.backward(step, b"back", flags=wire.PSH | wire.ACK, sequence=2001, acknowledgment=1001)]

    def stands_as_before(self, step):
        here = suite.scene()
        return all(step.workload(key) and step.workload(key)["spec"]["addresses"] == here["Workload", *key.split("/")]["spec"]["addresses"]
                   for key in (self.initiator, self.responder))


def standing_flows():
    flows = []
    for network in suite.NETWORKS:
        for number, name in enumerate(suite.NAMES):
            for distance, protocol in ((1, "TCP"), (2, "UDP"), (4, "TCP"), (7, "UDP")):
                other = suite.NAMES[(number + distance) % len(suite.NAMES)]
                flows.append(Standing(network, name, other, protocol, suite.FAMILIES[(number + len(flows)) % 2], len(flows)))
    return flows


class Play:
    """The suite on a lab."""

    def __init__(self, lab):
        self.lab = lab
        self.documents = {}
        self.keys = [suite.workload_key(name, network) for network in suite.NETWORKS for name in suite.NAMES]
        self.containers = {key: lab.container(suite.container_of(key)) for key in self.keys}
        self.lab.apply(suite.as_yaml(suite.scene().values()))
        self.documents = suite.scene()
        for container in self.containers.values():
            wire.silence(container)
        self.wire = wire.Wire(self.containers)
        self.probes = suite.all_probes()
        self.standing = standing_flows()
        self.source_port = FIRST_SOURCE_PORT
        self.apply_seconds = []

    def on_every_node(self, work):
        with concurrent.futures.ThreadPoolExecutor(len(self.lab.nodes)) as pool:
            return list(pool.map(work, self.lab.nodes.values()))

    # --- documents ---

    def enter(self, step):
        """Puts the step's documents into force, and nothing else."""
        put, delete = suite.difference(self.documents, step.documents)
        begin = time.monotonic()
        if put:
            self.on_every_node(lambda node: node.apply(suite.as_yaml(put)))
        if delete:
            self.on_every_node(lambda node: self.delete(node, delete))
        self.apply_seconds.append(time.monotonic() - begin)
        self.follow_interfaces(put, delete)
        self.documents = step.documents

    def delete(self, node, documents):
        done = node.biplane("delete", "-f", "-", input=self.lab.localised(suite.as_yaml(documents)))
        assert done.returncode == 0, done.stderr

    def follow_interfaces(self, put, delete):
        """A workload that went took its interface with it; one that came back has a new one."""
        for one in delete:
            if one["kind"] == "Workload":
                self.wire.forget(f"{one['metadata']['namespace']}/{one['metadata']['name']}")
        for one in put:
            key = f"{one['metadata'].get('namespace')}/{one['metadata']['name']}"
            if one["kind"] == "Workload" and key not in self.wire.senders:
                self.wire.reopen(key)

    # --- what was counted ---

    def drops(self):
        total = {}
        for counted in self.on_every_node(lambda node: node.drops()):
            for reason, count in counted.items():
                total[reason] = total.get(reason, 0) + count
        return total

    # --- one step ---

    def run(self, step):
        self.enter(step)
        verdicts = suite.truth(step, self.probes)
        policies = evaluator.Evaluator(step.documents.values())
        questions = self.questions_to_standing_flows(step, policies) + self.questions_by_probes(step, verdicts)
        complaints = self.ask(questions, self.drops())
        if not complaints:
            complaints = self.open_flows(step, policies)
        return complaints

    def questions_to_standing_flows(self, step, policies):
        """(sender, packet, receiver, verdict, sentence)"""
        forth, back = [], []
        for flow in self.standing:
            if not flow.is_open:
                continue
            if not flow.stands_as_before(step):
                flow.is_open = False
                continue
            verdict = policies.verdict(flow.initiator, flow.responder, flow.protocol, flow.port, flow.family)
            forward, backward = flow.forth_and_back(step)
            forth.append((*forward, flow.responder, verdict, f"{flow}, forth"))
            back.append((*backward, flow.initiator, verdict, f"{flow}, back"))
        return forth + back

    def questions_by_probes(self, step, verdicts):
        self.source_port += 1
        return [(one.source, wire.make(PROTOCOL[one.protocol], suite.address_of(step, one.source, one.family),
                                       suite.address_of(step, one.destination, one.family), self.source_port, one.port, payload=b"probe"),
                 one.destination, verdict, str(one))
                for one, verdict in zip(self.probes, verdicts) if verdict]

    def ask(self, questions, before):
        wanted = {(receiver, wire.identity(packet)) for _, packet, receiver, verdict, _ in questions if verdict == evaluator.ALLOWED}
        denied = {reason: sum(verdict == reason for *_, verdict, _ in questions) for reason in REASONS}

        counted = {}

        def is_all_counted():
            after = self.drops()
            counted.update({reason: after.get(reason, 0) - before.get(reason, 0) for reason in REASONS})
            return counted == denied

        arrived = self.wire.exchange([(sender, packet) for sender, packet, *_ in questions], wanted, is_all_counted)
        complaints = []
        for _, packet, receiver, verdict, sentence in questions:
            count = arrived.pop((receiver, wire.identity(packet)), 0)
            if count != (verdict == evaluator.ALLOWED):
                complaints.append(f"{sentence}: wanted {verdict}, arrived {count} times")
        complaints += [f"nobody sent this to {receiver}: {wire.print_identity(what)}, {count} times"
                       for (receiver, what), count in arrived.items()]
        if counted != denied:
            complaints.append(f"dropped by policy: {counted}, wanted {denied}; all drops now {self.drops()}, before {before}")
        return complaints

    def open_flows(self, step, policies):
        """Opens the standing flows that are not open and may be."""
        fresh = [flow for flow in self.standing if not flow.is_open and flow.stands_as_before(step)
                 and policies.allowed(flow.initiator, flow.responder, flow.protocol, flow.port, flow.family)]
        complaints = []
        for number in range(3):
            turn = [(flow, flow.opening(step)[number]) for flow in fresh if number < len(flow.opening(step))]
            wanted = {(flow.initiator if sender == flow.responder else flow.responder, wire.identity(packet)) for flow, (sender, packet) in turn}
            arrived = self.wire.exchange([one for _, one in turn], wanted)
            complaints += [f"opening a flow, packet {number + 1}: {wire.print_identity(what)} does not arrive at {receiver}"
                           for receiver, what in wanted if (receiver, what) not in arrived]
        for flow in fresh:
            flow.is_open = not complaints
        return complaints

    def explain(self, sentence):
        """What the node says about the first complaint, if it can."""
        words = sentence.replace(",", "").split()
        if "->" not in words:
            return ""
        arrow = words.index("->")
        if "port" not in words:
            return ""
        protocol = next((word for word in words if word in suite.PROTOCOLS), "TCP")
        done = next(iter(self.lab.nodes.values())).biplane("policy", "explain", words[arrow - 1], words[arrow + 1],
                                                           f"{protocol.lower()}/{words[words.index('port') + 1]}")
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def lab(make_lab):
    return make_lab(settings={"flows": FLOWS})


@pytest.fixture(scope="module")
def play(lab):
    play = Play(lab)
    yield play
    play.wire.close()
    seconds = sorted(play.apply_seconds)
    print(f"\n{len(seconds)} changes took {seconds[len(seconds) // 2] * 1000:.0f} ms each (median) on two nodes at once, at most"
          f" {seconds[-1] * 1000:.0f} ms")


def test_the_suite_holds_in_both_planes(play):
    failed = []
    for step in STEPS:
        complaints = play.run(step)
        if not complaints:
            continue
        failed.append(f"{step.origin}: {step.shows}\n  " + "\n  ".join(complaints[:8]) + f"\n  ({len(complaints)} complaints)\n"
                      + play.explain(complaints[0]) + suite.as_yaml(step.policies))
        if len(failed) >= 3:
            break
    assert not failed, "\n\n".join(failed)
