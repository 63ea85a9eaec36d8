"""100,000 flows of one packet each: all arrive, each leaves one whole pair, nobody asks user space."""
import socket
import struct
import time

import pytest
from tenants import FAR, NEAR, PLANE, WEB, Tenants

FLOWS = 100_000
PORTS = 2                # destination ports; the source ports make the rest
BURST, PAUSE = 64, 0.002  # about 25,000 packets a second
SOURCE = {"near": NEAR["ipv4"], "far": FAR["ipv4"]}


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab(settings={"flows": 1048576}))


def datagram(source, destination, source_port, destination_port):
    """An IPv4 packet with a UDP datagram without checksum; the kernel fills in the header's."""
    udp = struct.pack("!HHHH4s", source_port, destination_port, 12, 0, b"flow")
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source),
                       socket.inet_aton(destination)) + udp


def send_all(client, source, first_port):
    with client.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
        for number in range(FLOWS):
            packet = datagram(source, WEB["ipv4"], 10_000 + number // PORTS, first_port + number % PORTS)
            sender.sendto(packet, (WEB["ipv4"], 0))
            if number % BURST == BURST - 1:
                time.sleep(PAUSE)


def arrived(servers):
    """(source port, destination port) of every datagram that the sink received."""
    seen = []
    for server in servers:
        port = server.getsockname()[1]
        server.settimeout(0.5)
        try:
            while True:
                seen.append((server.recvfrom(16)[1][1], port))
        except socket.timeout:
            pass
    return seen


@pytest.mark.parametrize("place", ["near", "far"])
@pytest.mark.parametrize("tenant", PLANE)
def test_a_hundred_thousand_first_packets(tenants, tenant, place):
    nodes = [tenants.lab.nodes["node-a"]] + ([tenants.lab.nodes["node-b"]] if place == "far" else [])
    first_port = tenants.fresh_port()
    tenants.fresh_port()
    servers = [tenants.udp_server(tenant, "web", "ipv4", first_port + n, buffer=256 << 20) for n in range(PORTS)]
    before = [node.json("status") for node in nodes]
    lost_before = [status["userPlane"]["rxLost"] for status in before]
    send_all(tenants[tenant, place], SOURCE[place], first_port)
    seen = arrived(servers)
    for server in servers:
        server.close()
    lost = [node.json("status")["userPlane"]["rxLost"] - old for node, old in zip(nodes, lost_before)]
    assert len(seen) == FLOWS, f"lost before the user plane could read: {lost}; drops: {[node.drops() for node in nodes]}"
    assert len(set(seen)) == FLOWS
    for node, old in zip(nodes, before):
        status = node.json("status")
        assert status["flows"]["pairs"] - old["flows"]["pairs"] == FLOWS
        assert status["flows"]["halfPairs"] == 0
        assert status["upcalls"] == 0
