"""Workloads get an MTU with which nothing fragments; who sends more all the same is told by ICMP, and TCP goes on."""
import re

import pytest
from tenants import FAR, PLANE, WEB, Tenants

OVERHEAD = {"ipv4": 50, "ipv6": 70}  # of VXLAN over that underlay


@pytest.fixture(scope="module", params=["ipv4", "ipv6"], ids=["underlay IPv4", "underlay IPv6"])
def tenants(request, make_lab):
    tenants = Tenants(make_lab(underlay=(request.param,)))
    tenants.mtu = 1500 - OVERHEAD[request.param]
    return tenants


def mtu_of(container):
    return int(re.search(r"mtu (\d+)", container.ip("link", "show", "eth0")).group(1))


def ping_of_size(container, address, packet_size):
    """A ping whose IP packet has that size and must not be fragmented."""
    headers = 48 if ":" in address else 28
    return container.run("ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", packet_size - headers, address)


@pytest.mark.parametrize("tenant", PLANE)
def test_workloads_leave_room_for_the_tunnel(tenants, tenant):
    for name in ("web", "near", "far"):
        assert mtu_of(tenants[tenant, name]) == tenants.mtu


@pytest.mark.parametrize("tenant", PLANE)
@pytest.mark.parametrize("family", WEB)
def test_a_packet_of_full_size_crosses(tenants, tenant, family):
    assert "1 received" in ping_of_size(tenants[tenant, "far"], WEB[family], tenants.mtu).stdout


@pytest.fixture
def stubborn(tenants, request):
    """The tenant's far workload, with an MTU of 1500 on both ends of its link, against what Biplane gave it."""
    tenant = request.getfixturevalue("tenant")
    host_end = tenants.port_of(tenant, "far")["interface"]
    container, node = tenants[tenant, "far"], tenants.lab.nodes["node-b"]
    for mtu in (1500, tenants.mtu):
        node.ip("link", "set", host_end, "mtu", mtu)
        container.ip("link", "set", "eth0", "mtu", mtu)
        if mtu == 1500:
            yield container
    container.ip("route", "flush", "cache")
    container.ip("-6", "route", "flush", "cache")


@pytest.mark.parametrize("tenant", PLANE)
@pytest.mark.parametrize("family", WEB)
def test_too_large_a_packet_is_answered_with_the_mtu_of_the_way(tenants, stubborn, tenant, family):
    before = tenants.port_of(tenant, "far")["drops"].get("mtu-exceeded", 0)
    done = ping_of_size(stubborn, WEB[family], 1500)
    assert re.search(rf"mtu\s*=\s*{tenants.mtu}\b", done.stdout), done.stdout
    assert tenants.port_of(tenant, "far")["drops"]["mtu-exceeded"] == before + 1


@pytest.mark.parametrize("tenant", PLANE)
@pytest.mark.parametrize("family", WEB)
def test_tcp_gets_through_all_the_same(tenants, stubborn, tenant, family):
    web = tenants[tenant, "web"]
    if not web.run("ss", "-Hltn", "sport = :5201").stdout.strip():
        web.serve_iperf()
    done = stubborn.iperf(WEB[family], "--bytes", "2M", timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_sides_know_the_way_back(tenants):
    assert "1 received" in ping_of_size(tenants["red", "web"], FAR["ipv4"], tenants.mtu).stdout
