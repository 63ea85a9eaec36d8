"""An agent of another version adopts the tables of the one before: one more drop reason changes no pinned size."""
import pathlib
import signal

import pytest
import wire
from conftest import PROGRAMS
from stream import Sink, Stream, header
from tenants import NEAR, WEB, Tenants
from test_crash import Pings

FLOWS = 10_000
NEXT_OBJECT = pathlib.Path(PROGRAMS).parent / "tests" / "next" / "biplane.bpf.o"


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


def test_flows_survive_a_kernel_plane_with_one_more_drop_reason(tenants):
    node = tenants.lab.nodes["node-a"]
    wire.silence(tenants["red", "web"])
    sink = Sink(tenants["red", "web"])
    headers = [header(NEAR["ipv4"], WEB["ipv4"], 1024 + number // 10, 30_000 + number % 10) for number in range(FLOWS)]
    Stream(tenants["red", "near"], headers, rate=20_000, rounds=1).finish()
    sink.stop()
    before = node.json("status")
    assert before["flows"]["pairs"] >= FLOWS

    sink = Sink(tenants["red", "web"])
    stream = Stream(tenants["red", "near"], headers, rate=5_000)
    with Pings(tenants["red", "far"], NEAR["ipv4"]) as pings:
        node.agent.send_signal(signal.SIGTERM)
        node.agent.wait(timeout=10)
        node.start_agent("--object", NEXT_OBJECT)
    sent, seen = stream.stop(), sink.stop()
    after = node.json("status")
    assert after["kernelPlane"]["programsReplaced"] and after["agent"]["adopted"], after
    assert pings.lost == 0, f"{pings.lost} of {pings.sent} pings were lost"
    for port, moments in sent.items():
        assert set(moments) == set(seen[port]), f"port {port}: {len(moments) - len(seen[port])} of {len(moments)} were lost"
    assert after["flows"]["pairs"] >= before["flows"]["pairs"]
    created = sum(port["kernel"]["flowsCreated"] for port in node.json("ports"))
    assert created <= before["flows"]["pairs"] + 10, f"{created} flows were made, {before['flows']['pairs']} were there"
    assert node.biplane("flows", "--audit").returncode == 0
