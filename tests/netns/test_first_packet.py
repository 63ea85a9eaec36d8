"""The first packet of a new flow arrives: a single datagram, one ping, one SYN; in both planes, on one node and across nodes,
IPv4 and IPv6, on every hook, over an underlay of either family."""
import itertools
import socket

import pytest
from tenants import FAMILY, PLANE, WEB, Tenants

GROUNDS = {
    "default": {},
    "fabric hook xdp": {"hook": "xdp"},
    "fabric hook tcx, workload hook clsact": {"hook": "tcx", "workload_hook": "clsact"},
    "workload hook xdp": {"workload_documents_hook": "xdp"},
    "workload hook xdp, fabric hook xdp": {"workload_documents_hook": "xdp", "hook": "xdp"},
    "underlay IPv6": {"underlay": ("ipv6",)},
    "underlay IPv6, fabric hook xdp": {"underlay": ("ipv6",), "hook": "xdp"},
}
EVERYWHERE = list(itertools.product(PLANE, ("near", "far"), WEB))


@pytest.fixture(scope="module", params=GROUNDS, ids=GROUNDS)
def tenants(request, make_lab):
    ground = dict(GROUNDS[request.param])
    hook = ground.pop("workload_documents_hook", "auto")
    return Tenants(make_lab(**ground), hook)


@pytest.mark.parametrize("tenant, place, family", EVERYWHERE)
def test_one_ping_is_answered(tenants, tenant, place, family):
    done = tenants[tenant, place].run("ping", "-n", "-c", "1", "-W", "1", WEB[family])
    assert "1 received" in done.stdout, done.stdout


@pytest.mark.parametrize("tenant, place, family", EVERYWHERE)
def test_a_single_datagram_arrives_and_so_does_the_answer(tenants, tenant, place, family):
    port = tenants.fresh_port()
    with tenants.udp_server(tenant, "web", family, port) as server, \
            tenants[tenant, place].socket(FAMILY[family], socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.sendto(b"first", (WEB[family], port))
        data, peer = server.recvfrom(100)
        assert data == b"first"
        server.sendto(b"answer", peer)
        assert client.recv(100) == b"answer"


@pytest.mark.parametrize("tenant, place, family", EVERYWHERE)
def test_the_first_syn_connects(tenants, tenant, place, family):
    port = tenants.fresh_port()
    with tenants.tcp_server(tenant, "web", family, port), \
            tenants[tenant, place].socket(FAMILY[family], socket.SOCK_STREAM) as client:
        client.settimeout(0.9)  # a lost SYN is sent again after 1 s
        client.connect((WEB[family], port))


@pytest.mark.parametrize("tenant, place, family", EVERYWHERE)
def test_a_megabyte_goes_there_and_back(tenants, tenant, place, family):
    port, data = tenants.fresh_port(), bytes(range(256)) * 4096
    with tenants.tcp_server(tenant, "web", family, port) as listener, \
            tenants[tenant, place].socket(FAMILY[family], socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((WEB[family], port))
        server, _ = listener.accept()
        with server:
            server.settimeout(5)
            for sender, receiver in ((client, server), (server, client)):
                assert pour(sender, receiver, data) == data


def pour(sender, receiver, data):
    """Sends all of it and returns what the other side received."""
    received, sent = bytearray(), 0
    while len(received) < len(data):
        if sent < len(data):
            sent += sender.send(data[sent:sent + 65536])
        received += receiver.recv(1 << 20)
    return bytes(received)


def test_flows_show_plane_zone_and_both_directions(tenants):
    for node in ("node-a", "node-b"):
        for tenant, plane in PLANE.items():
            flows = tenants.flows(node, tenant)
            assert flows and {flow["plane"] for flow in flows} == {plane}
            assert len({flow["zone"] for flow in flows}) == 1
            finished = [flow for flow in flows if flow["protocol"] == "tcp"]
            assert finished and all(flow["packets"] and flow["replyPackets"] for flow in finished)


def test_no_decision_was_asked_of_user_space_and_no_pair_is_half(tenants):
    for node in tenants.lab.nodes.values():
        status = node.json("status")
        assert status["upcalls"] == 0
        assert status["flows"]["halfPairs"] == 0
