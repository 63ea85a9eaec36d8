#!/usr/bin/python3
"""Runs a command on another kernel: a machine of two processors under emulation, with this machine's files.

    machine.py 6.1 -- build/dev/tests/engines/test_engines --gtest_filter='tcx.*'
    machine.py 6.12 --seconds 600 -- examples/demo/demo.py

What the command writes comes out as it is written; the exit code is the command's. The kernel is Debian's own, the newest of its line
(kernel_package.py). The root is this machine's, read-only, with an overlay in memory on top: the command sees every file under its
own path, and what it writes is gone afterwards. It runs as root, has interfaces of its own only and reaches no network.
Without KVM everything takes five to twenty times as long, hence BIPLANE_SLOWNESS in the command's environment.

Exit codes of its own: 124 the time was over, 125 the machine could not be made, 77 there is no apt to fetch a kernel with. The last
line says why.
"""
import argparse
import ctypes
import os
import pathlib
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import kernel_package
import root_image

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "machines"
SLOWNESS = "10"
TIME_OVER, NO_MACHINE, NO_APT = 124, 125, 77
PR_SET_PDEATHSIG = 1
EMULATOR = "qemu-system-x86_64"
# No mitigations: what they cost is multiplied here, and nothing hostile runs.
KERNEL_OPTIONS = "console=ttyS0 loglevel=5 panic=-1 mitigations=off nowatchdog rcupdate.rcu_cpu_stall_suppress=1"


class MachineError(Exception):
    """A sentence for the user: why the machine did not run the command to its end."""


def _end_with_parent():
    """However this process ends, the emulator ends with it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _emulator(kernel, initramfs, memory, console):
    program = shutil.which(EMULATOR)
    if program is None:
        raise kernel_package.KernelError(f"{EMULATOR} is not installed: run tools/install-dependencies.sh")
    return [program, "-M", "q35,accel=tcg", "-cpu", "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt", "-smp", "2", "-m", memory,
            "-nodefaults", "-display", "none", "-no-reboot", "-monitor", "none",
            "-kernel", kernel.image, "-initrd", initramfs, "-append", f"{KERNEL_OPTIONS} hostname=machine",
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
            "-serial", f"file:{console}", "-serial", "stdio"]


def _copy_output(process, end, seconds, out):
    """Passes on what the command writes until the line `end CODE`; returns CODE, or None if the machine or the time ended before."""
    deadline = time.monotonic() + seconds
    mark = end.encode() + b" "
    kept = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(min(left, 1)):
                continue
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                break
            *lines, kept = (kept + data).split(b"\n")
            for line in lines:
                text, found, code = line.partition(mark)
                if found:
                    out.write(text)
                    out.flush()
                    return int(code)
                out.write(line + b"\n")
            out.flush()
    out.write(kept)
    out.flush()
    return None


def run(version, command, seconds, memory="4G", environment=None, out=None):
    """Runs `command` (a list of words) on kernel `version`; returns its exit code. Raises MachineError, KernelError."""
    kernel = kernel_package.fetch(version, CACHE)
    end = f"machine-{secrets.token_hex(8)}-ended"
    settings = {"BIPLANE_SLOWNESS": SLOWNESS, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}
    with tempfile.TemporaryDirectory(prefix=f"{version}-", dir=CACHE) as scratch:
        scratch = pathlib.Path(scratch)
        console = scratch / "console"
        initramfs = root_image.write(kernel, scratch, end, command, settings, pathlib.Path.cwd())
        process = subprocess.Popen(_emulator(kernel, initramfs, memory, console), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   preexec_fn=_end_with_parent)
        try:
            code = _copy_output(process, end, seconds, out or sys.stdout.buffer)
        finally:
            is_running = process.poll() is None
            process.kill()
            process.wait()
        if code is None:
            why = f"the time of {seconds:.0f} s is over" if is_running else "the machine ended by itself"
            said = console.read_text(errors="replace")[-3000:] if console.exists() else ""
            raise MachineError(f"{why} on Linux {kernel.release}; its console ended with:\n{said}")
        return code


def main():
    arguments = argparse.ArgumentParser(description="Runs a command on another kernel, under emulation.")
    arguments.add_argument("kernel", choices=sorted(kernel_package.RELEASE_OF))
    arguments.add_argument("--seconds", type=float, default=600, help="the time that the machine has (default 600)")
    arguments.add_argument("--memory", default="4G")
    arguments.add_argument("command", nargs="+", help="after --")
    options = arguments.parse_args()
    try:
        sys.exit(run(options.kernel, options.command, options.seconds, options.memory))
    except MachineError as error:
        print(f"machine: {error}", file=sys.stderr)
        sys.exit(TIME_OVER)
    except kernel_package.NoApt as error:
        print(f"machine: skipped: {error}", file=sys.stderr)
        sys.exit(NO_APT)
    except kernel_package.KernelError as error:
        print(f"machine: {error}", file=sys.stderr)
        sys.exit(NO_MACHINE)


if __name__ == "__main__":
    main()
