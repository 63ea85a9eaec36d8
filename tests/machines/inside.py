#!/usr/bin/python3
"""What a machine with another kernel has to carry: `short` is what `make test` runs, `all` what `make soak` runs. Runs on any kernel.

    machine.py 6.1 -- tests/machines/inside.py --build build/dev short

The build is this machine's. Output of a part is shown when it fails; the last lines say what held and how long it took.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3"
PYTEST = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs"]
NETNS = ROOT / "tests" / "netns"

# One of each kind: both planes and families, both hooks at a workload, what is pinned, what fell back.
SHORT_LIVE = ["test_object_forms.py::test_a_kernel_that_refuses_the_direct_form_gets_the_look_up_form_and_the_node_says_so"]


SHORT_SUITES = ("tcx", "xdp", "xdp_lookup", "segmentation")
ALL_SUITES = ("tcx", "xdp", "tcx_lookup", "xdp_lookup", "live_tcx", "live_xdp", "live_user", "race", "segmentation", "policy_suite",
              "policy_suite_lookup")


def suite(build, name):
    return [build / "tests/engines/test_engines", f"--gtest_filter={name}.*", "--gtest_brief=1"]


def live(names):
    return [*PYTEST, *(NETNS / name for name in names)]


def parts_of(selection, build):
    is_short = selection == "short"
    parts = {f"engine.{name}": suite(build, name) for name in (SHORT_SUITES if is_short else ALL_SUITES)}
    parts["demo"] = [PYTHON, ROOT / "examples/demo/demo.py", "--programs", build / "bin"]
    if is_short:
        parts["live"] = live(SHORT_LIVE)
    else:
        parts |= {f"live.{path.stem.removeprefix('test_')}": live([path.name]) for path in sorted(NETNS.glob("test_*.py"))}
    return parts


def run(name, command):
    """Whether the part held."""
    begin = time.monotonic()
    print(f"{name}: begins", flush=True)
    done = subprocess.run([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    lines = done.stdout.strip().splitlines()
    held = done.returncode == 0
    print("\n".join(lines[-1:] if held else lines[-300:]))
    print(f"{name}: {'held' if held else f'failed (exit code {done.returncode})'}, {time.monotonic() - begin:.0f} s", flush=True)
    return held


def main():
    arguments = argparse.ArgumentParser(description="What a machine with another kernel has to carry.")
    arguments.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev")
    arguments.add_argument("--only", default="", help="only the parts whose names contain this")
    arguments.add_argument("selection", choices=["short", "all"])
    options = arguments.parse_args()
    build = options.build.resolve()
    os.environ["BIPLANE_PROGRAMS"] = str(build / "bin")
    begin = time.monotonic()
    parts = {name: command for name, command in parts_of(options.selection, build).items() if options.only in name}
    failed = [name for name, command in parts.items() if not run(name, command)]
    print(f"Linux {os.uname().release}: {len(parts) - len(failed)} of {len(parts)} held in {time.monotonic() - begin:.0f} s"
          + (f"; not: {', '.join(failed)}" if failed else ""))
    sys.exit(1 if failed else 0)


main()
