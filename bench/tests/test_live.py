"""The bench itself, with traffic: a short round, a device that does nothing, one that lies, Ctrl-C. Needs root."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import measure
import pytest
import remains
import sending
from devices.limits import BareXdp
from lab import Lab, LabError

BUILD = pathlib.Path(os.environ.get("BIPLANE_BUILD", "build/dev")).resolve()
BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench.py"
if os.geteuid() != 0:
    pytest.skip("needs root", allow_module_level=True)


class Nothing(BareXdp):
    name, program = "a device that forwards nothing", "drop_xdp"


class Liar(BareXdp):
    name = "a device whose own counters do not move"

    def handled(self):
        return 0


def run_of(device_type):
    with Lab(BUILD / "bin", nodes=(), start=False) as lab:
        device = device_type(lab, sending.Tools(BUILD / "bench"), sending.Traffic(flows=100))
        device.build()
        device.attach_sinks()
        measure.warm_up(device)
        return measure.run(device, 10_000)


def test_a_run_counts_every_frame_at_the_sink():
    run = run_of(BareXdp)
    assert run.sent == 10_000 and run.received >= 9_000 and run.rate > 0


def test_a_device_that_forwards_nothing_fails_the_run():
    with pytest.raises(LabError, match="sent 10000 frames, none arrived"):
        run_of(Nothing)


def test_a_device_whose_counters_do_not_move_fails_the_run():
    with pytest.raises(LabError, match="something else carried them"):
        run_of(Liar)


@pytest.mark.parametrize("family, kind, mask", [("ipv4", socket.AF_INET, 32), ("ipv6", socket.AF_INET6, 128)])
def test_the_generators_frames_are_valid_to_a_real_stack(family, kind, mask):
    with Lab(BUILD / "bin", nodes=(), start=False) as lab:
        source, sink = lab.container("source"), lab.container("sink")
        source.ip("link", "add", "eth0", "address", sending.SOURCE_MAC, "type", "veth", "peer", "name", "eth0", "address",
                  sending.SINK_MAC, "netns", sink.netns)
        for end in (source, sink):
            end.ip("link", "set", "eth0", "up")
        sink.ip("address", "add", f"{sending.SINK[family]}/{mask}", "dev", "eth0", *(["nodad"] if family == "ipv6" else []))
        sink.ip("route", "add", f"{sending.SOURCE[family]}/{mask}", "dev", "eth0")
        assert sink.run("ethtool", "-K", "eth0", "gro", "on").returncode == 0
        server = sink.socket(kind, socket.SOCK_DGRAM)
        server.setsockopt(socket.SOL_SOCKET, 33, 1 << 23)  # SO_RCVBUFFORCE: each frame takes a page
        server.bind(("", 5001))
        server.settimeout(5)
        sending.generate(sending.Tools(BUILD / "bench"), source, "eth0", sending.Traffic(flows=64, family=family), 64,
                         (sending.SOURCE_MAC, sending.SINK_MAC, sending.SOURCE[family], sending.SINK[family]))
        ports = {server.recvfrom(2000)[1][1] for _ in range(64)}
        assert ports == set(range(1, 65))  # UDP checks its checksum before a socket sees it


def start_bench(results, *words):
    """In a process group of its own, as a shell starts it."""
    return subprocess.Popen([sys.executable, BENCH, "--build", BUILD, "--results", results, *words], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0)


def left_of(process):
    """Namespaces and directories that carry the name of this process' labs."""
    prefix = f"bpl{process.pid:x}"
    return [name for name in remains.labs() if name.startswith(prefix)] + remains.namespaces_of(prefix + "*")


def measured_by_one_round(tmp_path, *words):
    """What one round of one scenario says on the terminal, and in its results."""
    process = start_bench(tmp_path / "results.json", "--only", "tcx", "--rounds", "1", *words)
    out, errors = process.communicate(timeout=90)
    assert process.returncode == 0, out + errors
    assert left_of(process) == []
    return out, json.loads((tmp_path / "results.json").read_text())


def test_one_round_of_one_scenario_gives_rates_targets_and_what_it_reproduces(tmp_path):
    out, results = measured_by_one_round(tmp_path)
    scenario = results["scenarios"]["tcx"]
    assert scenario["rounds"]["Biplane kernel plane, tcx"][0]["rate"] > 0
    assert len(scenario["targets"]) == 3 and "met?" in out
    assert sum(map(len, results["reproduction"].values())) == 3 and "published table" in out


def test_short_rounds_are_not_compared_with_the_published_table(tmp_path):
    out, results = measured_by_one_round(tmp_path, "--quick")
    assert results["scenarios"]["tcx"]["quick"] and "published table: not compared" in out and "reproduction" not in results


@pytest.mark.parametrize("seconds, times", [(0, 1), (1.5, 2), (4, 1)])
def test_ctrl_c_leaves_nothing_behind(tmp_path, seconds, times):
    """A terminal sends it to all of the group: to the bench, and to whatever it has just started."""
    process = start_bench(tmp_path / "results.json", "--only", "tcx", "--quick")
    deadline = time.monotonic() + 20
    while not left_of(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(seconds)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0 and "Traceback" not in errors
    assert left_of(process) == []


def test_an_unknown_scenario_is_refused_with_the_list(tmp_path):
    process = start_bench(tmp_path / "results.json", "--only", "nonsense")
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2 and "there is no scenario nonsense" in errors
