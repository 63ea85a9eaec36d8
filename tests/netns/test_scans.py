"""nmap's scans find nothing that a connect scan does not: no port whose state an honest connection would not have shown too."""
import xml.etree.ElementTree

import pytest
from lab import LabError
from tenants import PLANE, Tenants

WEB = "10.0.0.10"
PORTS = "76-85"
OPEN = 80

# Each: what is asked, and the options.
SCANS = {
    "SYN": ["-sS"],
    "ACK": ["-sA"],
    "FIN": ["-sF"],
    "null": ["-sN"],
    "Christmas tree": ["-sX"],
    "window": ["-sW"],
    "SYN and FIN": ["-sS", "--scanflags", "SYNFIN"],
    "SYN in fragments of 8 bytes": ["-sS", "-f"],
    "SYN in fragments of 24 bytes": ["-sS", "--mtu", "24"],
    "SYN with bad checksums": ["-sS", "--badsum"],
    "SYN from port 53": ["-sS", "--source-port", "53"],
    "SYN from port 80": ["-sS", "--source-port", "80"],
    "ACK from port 80": ["-sA", "--source-port", "80"],
}

# Only the web server's port is open to anybody.
ISOLATION = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: only-web, namespace: {tenant} }}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
  ingress:
    - ports: [{{ protocol: TCP, port: 80 }}]
"""


@pytest.fixture(scope="module", params=["without policies", "with a policy"])
def tenants(request, make_lab):
    tenants = Tenants(make_lab())
    tenants.is_isolated = request.param == "with a policy"
    if tenants.is_isolated:
        try:
            for tenant in PLANE:
                tenants.lab.apply(ISOLATION.format(tenant=tenant))
        except LabError as error:
            pytest.skip(f"no NetworkPolicy: {error}")
    for tenant in PLANE:
        tenants[tenant, "web"].serve_web(tenant, OPEN)
    return tenants


def scan(container, options):
    """Port -> state, as nmap says it."""
    done = container.run("nmap", "-n", "-Pn", "--disable-arp-ping", "-p", PORTS, "--max-retries", "1", "--initial-rtt-timeout", "100ms",
                         "--max-rtt-timeout", "100ms", "--host-timeout", "10s", *options, "-oX", "-", WEB)
    assert done.returncode == 0, done.stdout + done.stderr
    result = xml.etree.ElementTree.fromstring(done.stdout)
    states = {int(port.get("portid")): port.find("state").get("state") for port in result.iter("port")}
    first, last = map(int, PORTS.split("-"))
    for group in result.iter("extraports"):  # nmap lists the most frequent state only once
        for port in range(first, last + 1):
            states.setdefault(port, group.get("state"))
    assert len(states) == last - first + 1, done.stdout
    return states


@pytest.fixture(scope="module", params=PLANE)
def connected(request, tenants):
    """The scanner and what an honest connection to each port shows."""
    scanner = tenants[request.param, "near"]
    states = scan(scanner, ["-sT"])
    assert states.pop(OPEN) == "open"
    assert set(states.values()) == {"filtered" if tenants.is_isolated else "closed"}
    return scanner, {OPEN: "open", **states}


NOTHING = ("filtered", "open|filtered")  # nmap heard nothing


def known(state):
    """What a scan may say of a port that a connection shows in this state. An ACK on a connection that is just over is answered:
    nmap then calls the port unfiltered, which it is."""
    return () if state in NOTHING else (state, "unfiltered")


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_finds_nothing_that_a_connect_scan_does_not(connected, name):
    scanner, honest = connected
    found = scan(scanner, SCANS[name])
    told = {port: state for port, state in found.items() if state not in NOTHING and state not in known(honest[port])}
    assert not told, told
    if name == "SYN":
        assert found[OPEN] == "open", "the scan itself works"
