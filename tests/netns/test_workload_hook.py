"""`spec.hook: xdp` of a workload: the program moves to XDP and back while traffic flows, and where XDP cannot be had tcx does the work
and the operator is told."""
import re
import time

import pytest
from tenants import PLANE, WEB, Tenants, documents
from test_crash import Connections, Pings, wait_answered

OFFLOADS = ("tx-checksumming", "tcp-segmentation-offload", "generic-segmentation-offload", "generic-receive-offload")


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


def hooks(tenants):
    return {port["name"]: port["hook"] for node in tenants.lab.nodes.values() for port in node.json("ports")
            if port["kind"] == "workload"}


def offloads(container):
    features = container.run("ethtool", "-k", "eth0").stdout
    return {name: re.search(rf"^{name}: (\w+)", features, re.M).group(1) for name in OFFLOADS}


@pytest.mark.parametrize("tenant", PLANE)
def test_the_hook_changes_under_traffic_and_back(tenants, tenant):
    with Pings(tenants[tenant, "near"], WEB["ipv4"]) as near, Pings(tenants[tenant, "far"], WEB["ipv4"]) as far, \
            Connections(tenants, tenant, "near") as new:
        tenants.lab.apply(documents(hook="xdp"))
        assert set(hooks(tenants).values()) == {"xdp"}
        before, deadline = new.made, time.monotonic() + 5
        while new.made < before + 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        made_with_xdp = new.made - before
        assert offloads(tenants[tenant, "near"])["tcp-segmentation-offload"] == "off"
        tenants.lab.apply(documents())
        assert set(hooks(tenants).values()) == {"tcx"}
        time.sleep(0.3)
    assert made_with_xdp >= 10
    # A veth has its queues down for a moment while XDP comes and goes: what was under way may be lost, connections are not. The user
    # plane opens its sockets anew, which takes Linux a second and more.
    if tenant == "red":
        assert near.lost < near.sent / 10 and far.lost < far.sent / 10
        assert not [failure for failure in new.failed if "again" not in failure], new.failed[:5]
    assert wait_answered(tenants[tenant, "near"], WEB["ipv4"], 5) is not None
    for place in ("web", "near", "far"):
        assert set(offloads(tenants[tenant, place]).values()) == {"on"}, place


def test_the_law_holds_with_xdp_on_workload_ports(tenants):
    tenants.lab.apply(documents(hook="xdp"))
    for tenant in PLANE:
        assert wait_answered(tenants[tenant, "near"], WEB["ipv4"], 5) is not None
        for family in WEB:
            done = tenants[tenant, "near"].run("ping", "-n", "-c", "20", "-i", "0.01", WEB[family])
            assert "20 received" in done.stdout
    for node in tenants.lab.nodes.values():
        assert node.law_violations() == []
        assert node.json("status")["upcalls"] == 0


def test_where_the_mtu_is_too_large_for_xdp_tcx_is_used_and_said_so(make_lab):
    tenants = Tenants(make_lab(mtu=9000), hook="xdp")
    assert set(hooks(tenants).values()) == {"tcx"}
    problems = tenants.lab.nodes["node-a"].json("status")["problems"]
    assert any("Workload red/web" in text and "tcx is used instead" in text for text in problems), problems
    assert "1 received" in tenants["red", "far"].run("ping", "-n", "-c", "1", "-W", "1", WEB["ipv4"]).stdout
