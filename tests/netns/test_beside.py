"""The tests and a Biplane of the machine do not meet: it runs with the default paths, in a mount namespace where those are empty."""
import os
import pathlib
import subprocess
import sys
import time

import pytest
import remains
from lab import Lab, Namespace

HERE = pathlib.Path(__file__).resolve().parent
DEFAULTS = ("/etc/biplane", "/run/biplane", "/var/lib/biplane", "/sys/fs/bpf")
# What is made in these stays there: the machine's own directories, if it has them, are covered.
PREPARE = """
set -e
mount --make-rprivate /
for directory in /etc /run /var/lib; do
    test -d $directory/biplane || mkdir $directory/biplane
    mount -t tmpfs -o mode=0755 tmpfs $directory/biplane
done
mount -t bpf bpf /sys/fs/bpf
echo 'node: installed' > /etc/biplane/biplane.yaml
"$@"
"""


@pytest.fixture()
def mount_points():
    """Directories at the default paths to mount something over; those that were not there go again, also after a failure."""
    made = [path for path in DEFAULTS[:3] if not os.path.exists(path)]
    yield
    for path in made:
        if os.path.isdir(path):
            os.rmdir(path)


@pytest.fixture()
def installed(programs, mount_points):
    """A Biplane with the default paths runs; run(command) runs where those paths are its own."""
    with Lab(programs, nodes=("node-a",), settings={"userPlane": False}, start=False) as lab:
        machine = Namespace(lab, "machine")
        agent = machine.start("unshare", "--mount", "sh", "-c", PREPARE, "sh", "sh", "-c",
                              f'"{lab.programs}/biplaned" & exec sleep 1000', stdout=subprocess.DEVNULL, stderr=open(lab.directory / "log", "wb"))

        def run(*command, **options):
            return subprocess.run(["nsenter", f"--net={remains.NAMESPACES / machine.netns}", f"--mount=/proc/{agent.pid}/ns/mnt",
                                   *map(str, command)], capture_output=True, text=True, timeout=200, **options)

        deadline = time.monotonic() + 15
        while run(lab.programs / "biplane", "status").returncode != 0:
            assert time.monotonic() < deadline, (lab.directory / "log").read_text()
            time.sleep(0.1)
        yield run, lab


def state_of(run, lab):
    done = run("sh", "-c", f"{lab.programs}/biplane get VirtualNetwork; find {' '.join(DEFAULTS)} -printf '%p %i %T@\\n' | sort")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("tests, which", [("test_examples.py", ""), ("test_ground.py", "removal or bpffs")])
def test_tests_neither_meet_nor_change_the_machines_biplane(installed, tests, which):
    run, lab = installed
    before = state_of(run, lab)
    done = run(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", HERE / tests, "-k", which,
               env={**os.environ, "BIPLANE_PROGRAMS": str(lab.programs), "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert state_of(run, lab) == before
