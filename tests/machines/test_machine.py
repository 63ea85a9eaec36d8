"""The machine itself: what its command says comes out, its exit code is the command's, and no emulator outlives the one who started it."""
import os
import pathlib
import signal
import subprocess
import sys
import time

import kernel_package
import pytest

MACHINE = pathlib.Path(__file__).resolve().parent / "machine.py"


def start(*words):
    return subprocess.Popen([sys.executable, MACHINE, "6.1", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children_of(pid):
    found = []
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue
        name, fields = text[text.index("(") + 1:text.rindex(")")], text.rsplit(")", 1)[1].split()
        if int(fields[1]) == pid and name.startswith("qemu"):
            found.append(int(status.parent.name))
    return found


def wait_for_emulator(process):
    deadline = time.monotonic() + 300  # a kernel may have to be fetched first
    while time.monotonic() < deadline:
        if found := children_of(process.pid):
            return found[0]
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    raise AssertionError("no emulator was started")


def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_runs_on_the_other_kernel_and_its_output_and_exit_code_come_back():
    process = start("--seconds", "120", "--", "sh", "-c", "uname -r; pwd; echo to stderr >&2; printf 'no newline'; exit 3")
    said, errors = process.communicate(timeout=400)
    assert process.returncode == 3, errors
    lines = said.splitlines()
    assert lines[0].startswith("6.1.") and lines[1:] == [os.getcwd(), "to stderr", "no newline"]


def test_a_command_that_takes_too_long_ends_with_its_machine():
    process = start("--seconds", "2", "--", "sleep", "1000")
    emulator = wait_for_emulator(process)
    assert process.wait(60) == 124
    assert "the time of 2 s is over on Linux 6.1." in process.stderr.read()
    assert not runs(emulator)


def test_the_machine_ends_with_the_one_who_started_it():
    process = start("--seconds", "120", "--", "sleep", "1000")
    emulator = wait_for_emulator(process)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    deadline = time.monotonic() + 10
    while runs(emulator) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(emulator)


def test_a_machine_without_apt_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(kernel_package.NoApt, match="this machine has no apt-get"):
        kernel_package.fetch("6.1", tmp_path / "cache")


def test_a_package_that_cannot_be_fetched_is_a_failure_that_names_the_step(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel_package, "_debian_sources", lambda: [("http://127.0.0.1:9/debian", "")])
    monkeypatch.setattr(kernel_package, "RETRIES", 0)
    with pytest.raises(kernel_package.KernelError, match="apt-get .* update") as failed:
        kernel_package.fetch("6.1", tmp_path / "cache")
    assert not isinstance(failed.value, kernel_package.NoApt)
    assert not (tmp_path / "cache/6.1").exists()
