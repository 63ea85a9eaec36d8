"""What a lab has on the machine, and how it is removed: by the lab itself, or by tools/clean-lab when the lab's process was killed.

Everything of the lab NAME is found by that name alone (another BIPLANE_LABS: nobody else looks after its labs):
    /run/biplane-lab/NAME/owner    "pid start-time" of the process that answers for it, or "kept"
    /run/biplane-lab/NAME/pids     "pid start-time" of what it started, one a line
    /run/biplane-lab/NAME/bpf      a bpffs of its own; whatever is mounted below NAME goes with it
    /run/netns/NAME-*              its nodes and containers
"""
import os
import pathlib
import shutil
import signal
import subprocess
import time

BASE = pathlib.Path(os.environ.get("BIPLANE_LABS", "/run/biplane-lab"))
NAMESPACES = pathlib.Path("/run/netns")


def start_time(pid):
    """When a process began, in clock ticks since boot: with the pid it names a process for good. None if it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else fields[19]


def identity(pid):
    return f"{pid} {start_time(pid)}"


def is_alive(line):
    pid, _, started = line.strip().partition(" ")
    return pid.isdigit() and start_time(pid) == started


def labs():
    return sorted(path.name for path in BASE.iterdir()) if BASE.exists() else []


def is_orphan(name):
    """True if nobody answers for the lab any more: its process is gone and it was not left up on purpose."""
    try:
        owner = (BASE / name / "owner").read_text()
    except OSError:
        return False  # being made or removed at this moment
    return owner.strip() != "kept" and not is_alive(owner)


def namespaces_of(name):
    return sorted(path.name for path in NAMESPACES.glob(f"{name}-*")) if NAMESPACES.exists() else []


def processes_of(name):
    """Pids that the lab wrote down and that still are the same process, and whatever else runs in its namespaces."""
    found = []
    try:
        found = [int(line.split()[0]) for line in (BASE / name / "pids").read_text().splitlines() if is_alive(line)]
    except OSError:
        pass
    for namespace in namespaces_of(name):
        listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True).stdout
        found += [int(pid) for pid in listed.split()]
    return sorted(set(found) - {os.getpid()})


def end_processes(name, patience=2.0):
    for attempt in (signal.SIGTERM, signal.SIGKILL):
        pids = processes_of(name)
        for pid in pids:
            try:
                os.kill(pid, attempt)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + patience
        while pids and time.monotonic() < deadline:
            pids = processes_of(name)
            time.sleep(0.02)


def mounts_below(directory):
    """The last mounted first: a bpffs, and what a test mounts besides."""
    lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return [place for place in reversed([line.split()[1] for line in lines]) if place.startswith(f"{directory}/")]


def remove(name):
    """Removes the lab. Does nothing twice; raises nothing for what is not there."""
    if not name or "/" in name:
        raise ValueError(f"not the name of a lab: {name!r}")
    end_processes(name)
    for namespace in namespaces_of(name):
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)
    directory = BASE / name
    for mounted in mounts_below(directory):
        if subprocess.run(["umount", mounted], capture_output=True).returncode:
            subprocess.run(["umount", "--lazy", mounted], check=True)
    shutil.rmtree(directory, ignore_errors=True)
    try:
        BASE.rmdir()  # the last one puts out the light
    except OSError:
        pass


def remove_orphans():
    gone = [name for name in labs() if is_orphan(name)]
    for name in gone:
        remove(name)
    return gone
