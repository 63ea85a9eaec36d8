"""The TCP scripts of tests/cases/tcp_scripts.cpp, played through Linux conntrack: where it should agree with Biplane, it is asked.

A router of namespaces, whose conntrack is as strict as it can be (no liberal windows, no pick-up), forwards what belongs to a
connection and drops what is invalid. After each packet its verdict and its state are compared with the script's. Where a script
says why Linux differs, that difference must be there, and the rest of that script is not compared.
"""
import json
import pathlib
import re
import socket
import subprocess
import time

import pytest
from lab import Lab, Namespace

STATES = {"none": {None}, "opening": {"SYN_SENT"}, "answered": {"SYN_RECV", "SYN_SENT2"}, "established": {"ESTABLISHED"},
          "closing": {"FIN_WAIT", "CLOSE_WAIT", "LAST_ACK"}, "closed": {"TIME_WAIT", "CLOSE"}}
RULES = """
table inet watch {
  counter seen {}
  counter invalid {}
  chain forward {
    type filter hook forward priority 0;
    counter name seen
    ct state invalid counter name invalid drop
  }
}
"""
ADDRESSES = {"ipv4": ("10.0.0.10", "10.0.0.11", 0x0800), "ipv6": ("fd00:a::10", "fd00:a::11", 0x86dd)}
MACS = {"left": "02:00:00:00:00:0a", "right": "02:00:00:00:00:0b"}


class Router:
    """Two sides that are nothing but a socket each, and the namespace between them."""

    def __init__(self, lab):
        self.between = Namespace(lab, "router")
        self.sockets, self.macs = {}, {}
        for side in MACS:
            self.join(lab, side)
        for key, value in {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net.ipv4.conf.all.rp_filter": 0,
                           "net.netfilter.nf_conntrack_tcp_be_liberal": 0, "net.netfilter.nf_conntrack_tcp_loose": 0}.items():
            self.between.sysctl(key, value)
        subprocess.run(self.between.inside("nft", "-f", "-"), input=RULES, text=True, check=True)

    def join(self, lab, side):
        end, number = Namespace(lab, side), list(MACS).index(side)
        self.between.ip("link", "add", side, "type", "veth", "peer", "name", "eth0", "netns", end.netns)
        self.between.ip("link", "set", side, "up")
        self.between.sysctl(f"net.ipv4.conf.{side}.rp_filter", 0)
        end.ip("link", "set", "eth0", "address", MACS[side], "arp", "off", "up")
        self.macs[side] = json.loads(self.between.ip("-j", "link", "show", side))[0]["address"]
        for family in ADDRESSES.values():
            self.between.ip("route", "add", family[number], "dev", side)
            self.between.ip("neighbour", "add", family[number], "lladdr", MACS[side], "dev", side)
        sender = end.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("eth0", 0))
        self.sockets[side] = sender

    def counts(self):
        text = self.between.run("nft", "list", "counters").stdout
        return {name: int(count) for name, count in re.findall(r"counter (\w+) {\s*packets (\d+)", text)}

    def send(self, side, packet, ethertype):
        """True if conntrack found it valid."""
        before = self.counts()
        addresses = bytes.fromhex((self.macs[side] + MACS[side]).replace(":", ""))
        self.sockets[side].send(addresses + ethertype.to_bytes(2, "big") + packet)
        deadline = time.monotonic() + 2
        while (now := self.counts())["seen"] == before["seen"]:
            assert time.monotonic() < deadline, "the router never saw the packet"
        return now["invalid"] == before["invalid"]

    def state(self, family):
        done = self.between.run("conntrack", "-L", "-p", "tcp", "-f", family)
        found = re.findall(r"^tcp\s+\d+ (?:\d+ )?([A-Z_0-9]+) ", done.stdout, re.MULTILINE)
        assert len(found) <= 1, done.stdout
        return found[0] if found else None

    def forget(self):
        self.between.run("conntrack", "-F")


@pytest.fixture(scope="module")
def router(programs):
    with Lab(programs, nodes=(), start=False) as lab:
        yield Router(lab)


@pytest.fixture(scope="module")
def scripts(programs):
    program = pathlib.Path(programs).parent / "tests" / "cases" / "write_tcp_scripts"
    if not program.exists():
        pytest.skip(f"{program} is not built")
    return json.loads(subprocess.run([program], capture_output=True, text=True, check=True).stdout)


def differences(router, script, family):
    """Sentences; and whether the rest was not compared because the script says so."""
    ethertype = ADDRESSES[family][2]
    for number, line in enumerate(script["lines"], 1):
        passes = router.send("right" if line["from_server"] else "left", bytes.fromhex(line[family]), ethertype)
        state = router.state(family)
        agrees = passes == line["passes"] and state in STATES[line["state"]]
        if line["linux_differs"]:
            return [f"packet {number}: Linux agrees by now ({state}), but the script says: {line['linux_differs']}"] if agrees else []
        if not agrees:
            return [f"packet {number}: Linux {'passes' if passes else 'drops'} it, state {state}; Biplane"
                    f" {'passes' if line['passes'] else 'drops'} it, state {line['state']}"]
    return []


@pytest.mark.parametrize("family", ADDRESSES)
def test_conntrack_agrees_but_where_a_script_says_why_not(router, scripts, family):
    wrong = []
    for script in scripts:
        if script["pickup"]:
            continue  # loose tracking takes every window for the first it sees: not what is compared here
        router.forget()
        wrong += [f"{script['name']}: {sentence}" for sentence in differences(router, script, family)]
    assert not wrong, "\n".join(wrong)
