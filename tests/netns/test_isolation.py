"""Tenants with equal addresses: replies find their flow through VNI and zone, and nothing crosses; by counters and by captures."""
import socket

import pytest
from tenants import FAMILY, PLANE, VNI, WEB, Capture, Tenants

PORT = 7777
DATAGRAMS = 20


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


def exchange(tenants, family, place):
    """Both tenants send from the same source port to the same address and port, in turn; each server answers by name."""
    ends = []
    for tenant in PLANE:
        server = tenants.udp_server(tenant, "web", family, PORT)
        client = tenants[tenant, place].socket(FAMILY[family], socket.SOCK_DGRAM)
        client.bind(("", PORT))
        client.settimeout(1)
        ends.append((tenant.encode(), server, client))
    answers = {tenant: [] for tenant in PLANE}
    for _ in range(DATAGRAMS):
        for tenant, server, client in ends:
            client.sendto(b"question of " + tenant, (WEB[family], PORT))
        for tenant, server, client in ends:
            question, peer = server.recvfrom(100)
            assert question == b"question of " + tenant
            server.sendto(b"answer of " + tenant, peer)
        for tenant, server, client in ends:
            answers[tenant.decode()].append(client.recv(100))
    for _, server, client in ends:
        server.close()
        client.close()
    return answers


@pytest.mark.parametrize("family", WEB)
@pytest.mark.parametrize("place", ["near", "far"])
def test_answers_find_their_own_tenant(tenants, place, family):
    answers = exchange(tenants, family, place)
    for tenant in PLANE:
        assert answers[tenant] == [b"answer of " + tenant.encode()] * DATAGRAMS


@pytest.mark.parametrize("family", WEB)
def test_a_capture_at_each_workload_shows_its_own_tenant_only(tenants, family):
    captures = {(tenant, name): Capture(tenants[tenant, name], "eth0", "udp") for tenant in PLANE for name in ("web", "near", "far")}
    for capture in captures.values():
        capture.__enter__()
    for place in ("near", "far"):
        exchange(tenants, family, place)
    for capture in captures.values():
        capture.__exit__()
    for (tenant, name), capture in captures.items():
        other = b"of blue" if tenant == "red" else b"of red"
        frames = [bytes(packet) for packet in capture.packets()]
        mine = [frame for frame in frames if b"of " + tenant.encode() in frame]
        assert len(mine) == DATAGRAMS * (4 if name == "web" else 2), f"{tenant}/{name}"
        assert not [frame for frame in frames if other in frame], f"{tenant}/{name} saw the other tenant"


@pytest.mark.parametrize("family", WEB)
def test_the_fabric_carries_each_tenant_under_its_own_identifier(tenants, family):
    # At the receivers: what the user plane sends is not seen by a capture on the sender's own interface.
    captures = [Capture(node, "fabric0", "--direction=in", "udp port 4789") for node in tenants.lab.nodes.values()]
    with captures[0], captures[1]:
        exchange(tenants, family, "far")
    seen = {tenant: 0 for tenant in PLANE}
    for packet in [*captures[0].packets(), *captures[1].packets()]:
        payload = bytes(packet["UDP"].payload)
        vni = int.from_bytes(payload[4:7], "big")
        for tenant in PLANE:
            if b"of " + tenant.encode() in payload:
                seen[tenant] += 1
                assert payload[0] & 0x08 and vni == VNI[tenant]
    assert seen == {tenant: 2 * DATAGRAMS for tenant in PLANE}


@pytest.mark.parametrize("place", ["near", "far"])
def test_an_address_of_the_other_tenant_only_is_not_there(tenants, place):
    """A workload that blue has and red has not: red's packets end at red's own port, counted, and blue's port sends nothing."""
    container = f"secret-{place}"
    tenants.lab.container(container)
    tenants.lab.apply("apiVersion: biplane.dev/v1alpha1\nkind: Workload\n"
                      f"metadata: {{ name: {container}, namespace: blue }}\n"
                      f"spec: {{ network: blue, node: node-a, addresses: [10.0.0.{90 + len(place)}], netns: {container} }}\n")
    address = f"10.0.0.{90 + len(place)}"
    node = tenants.lab.nodes["node-a"]
    sent = node.port(f"blue/{container}")["transmitted"]
    refused = tenants.port_of("red", place)["drops"].get("route-discard", 0)
    done = tenants["red", place].run("ping", "-n", "-c", "5", "-i", "0.05", "-W", "0.3", address)
    assert "5 packets transmitted, 0 received" in done.stdout
    assert tenants.port_of("red", place)["drops"].get("route-discard", 0) - refused == 5
    assert node.port(f"blue/{container}")["transmitted"] == sent
    done = tenants["blue", place].run("ping", "-n", "-c", "1", "-W", "1", address)
    assert "1 received" in done.stdout


def test_flows_of_equal_addresses_stand_side_by_side_in_their_zones(tenants):
    exchange(tenants, "ipv4", "far")
    for node in ("node-a", "node-b"):
        zones = {}
        for tenant in PLANE:
            found = [flow for flow in tenants.flows(node, tenant)
                     if (flow["protocol"], flow["sourcePort"], flow["destinationPort"]) == ("udp", PORT, PORT)
                     and flow["source"] == "10.0.0.20"]
            assert len(found) == 1 and found[0]["vni"] == VNI[tenant]
            assert found[0]["packets"] and found[0]["replyPackets"]
            zones[tenant] = found[0]["zone"]
        assert zones["red"] != zones["blue"]
