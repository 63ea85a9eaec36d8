"""The lab leaves nothing behind, however it ends. What it makes is found by its name, so two labs do not meet."""
import os
import pathlib
import signal
import subprocess
import sys

import pytest
import remains
from lab import Lab

HERE = pathlib.Path(__file__).resolve().parent
CLEAN_LAB = HERE.parent.parent / "tools" / "clean-lab"

# A process with a lab: one container, one child inside it; says the lab's name, then waits.
OWNER = """
import sys, time
sys.path.insert(0, {here!r})
from lab import Lab
with Lab("/nowhere", start=False) as lab:
    lab.container("c").start("sleep", "1000")
    if {keep}: lab.keep()
    print(lab.name, flush=True)
    {then}
"""


@pytest.fixture(scope="module", autouse=True)
def labs_of_our_own():
    """What is left behind here is left for clean-lab: the labs of another run beside this one must not remove it first."""
    old = remains.BASE
    remains.BASE = pathlib.Path(f"/run/biplane-lab-{os.getpid()}")
    os.environ["BIPLANE_LABS"] = str(remains.BASE)
    yield
    assert not remains.BASE.exists()
    remains.BASE = old
    del os.environ["BIPLANE_LABS"]


def start_owner(then="time.sleep(1000)", keep=False):
    process = subprocess.Popen([sys.executable, "-c", OWNER.format(here=str(HERE), then=then, keep=keep)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process, process.stdout.readline().strip()


def traces_of(name):
    mounts = [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if name in line]
    return remains.namespaces_of(name) + remains.processes_of(name) + mounts + [n for n in remains.labs() if n == name]


def test_a_lab_is_there_and_then_it_is_not():
    process, name = start_owner(then="pass")
    assert name and process.wait(20) == 0
    assert traces_of(name) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_takes_the_lab_down(number):
    process, name = start_owner()
    assert len(remains.namespaces_of(name)) == 3 and remains.processes_of(name)
    process.send_signal(number)
    assert process.wait(20) != 0
    assert traces_of(name) == []


def test_a_failure_inside_takes_the_lab_down():
    process, name = start_owner(then="raise ValueError()")
    assert process.wait(20) == 1
    assert traces_of(name) == []


def test_what_a_killed_lab_left_is_removed_by_clean_lab():
    process, name = start_owner()
    process.kill()
    process.wait(20)
    assert remains.is_orphan(name) and traces_of(name)
    subprocess.run([CLEAN_LAB], check=True)
    assert traces_of(name) == []


def test_a_kept_lab_stays_until_it_is_named():
    process, name = start_owner(then="pass", keep=True)
    assert process.wait(20) == 0
    subprocess.run([CLEAN_LAB], check=True)
    assert len(remains.namespaces_of(name)) == 3
    subprocess.run([CLEAN_LAB, name], check=True)
    assert traces_of(name) == []


def test_two_labs_stand_side_by_side():
    with Lab("/nowhere", start=False) as first, Lab("/nowhere", start=False) as second:
        assert first.name != second.name
        for lab in (first, second):
            seen = lab.nodes["node-a"].run("ping", "-c", "1", "-W", "1", "192.0.2.2")
            assert seen.returncode == 0, seen.stdout
    assert traces_of(first.name) + traces_of(second.name) == []


def test_the_fabric_joins_more_than_two_nodes():
    with Lab("/nowhere", nodes=("a", "b", "c"), underlay=("ipv4", "ipv6"), start=False) as lab:
        for address in ("192.0.2.3", "2001:db8:f::3"):
            assert lab.nodes["a"].run("ping", "-c", "1", "-W", "2", address).returncode == 0


def test_a_lab_needs_its_programs():
    with pytest.raises(Exception, match="make build"):
        Lab("/nowhere").__enter__()
