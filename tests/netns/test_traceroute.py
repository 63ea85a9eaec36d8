"""TTL is spent by every router on the way, and the router says so."""
import itertools
import re

import pytest
from tenants import PLANE, WEB, Tenants

# The nodes are one virtual router: a packet spends its TTL once, on the node of its sender.
HOPS = {"near": 2, "far": 2}


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


@pytest.mark.parametrize("tenant, place, family, probe", itertools.product(PLANE, HOPS, WEB, ("-U", "-I", "-T")))
def test_traceroute_reaches_the_workload(tenants, tenant, place, family, probe):
    done = tenants[tenant, place].run("traceroute", probe, "-n", "-q", "1", "-w", "1", "-m", "6", WEB[family])
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r"\s*\d+\s", line)]
    assert rows and rows[-1][1] == WEB[family], done.stdout
    assert len(rows) == HOPS[place], done.stdout
    assert rows[0][1] != "*" and rows[0][1] != WEB[family], f"the first router is silent:\n{done.stdout}"


@pytest.mark.parametrize("tenant", PLANE)
@pytest.mark.parametrize("family", WEB)
def test_the_ttl_is_spent_once(tenants, tenant, family):
    for place in HOPS:
        done = tenants[tenant, place].run("ping", "-n", "-c", "1", "-W", "1", WEB[family])
        assert re.search(r"ttl=(\d+)", done.stdout).group(1) == "63", done.stdout
