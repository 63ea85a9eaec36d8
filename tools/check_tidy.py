#!/usr/bin/python3
"""Runs clang-tidy over our own sources: tools/check_tidy.py BUILD_DIRECTORY [--seconds N]

A source that was clean stays known as clean until it, a header it includes, or .clang-tidy changes (stamps below the build
directory). With --seconds no source is begun after that time, the ones changed against git's HEAD come first, and what was not
looked at is said; without it every source is looked at.
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from house import ROOT

TIDY = "clang-tidy-19"


def sources_of(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    ours = [pathlib.Path(entry["file"]) for entry in commands]
    return sorted({path for path in ours if path.is_relative_to(ROOT / "src") and not path.stem.endswith("_test")})


def changed_sources():
    listed = subprocess.run(["git", "-C", ROOT, "status", "--porcelain"], capture_output=True, text=True).stdout
    return {ROOT / line[3:] for line in listed.splitlines()}


def fingerprint(path, everything):
    """Of the source and of all our headers: a header's change makes every source worth another look."""
    return hashlib.sha256(everything + path.read_bytes()).hexdigest()


def examine(build, path, flags):
    done = subprocess.run([TIDY, "--quiet", "-p", build, *flags, path], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if "warnings generated" not in line]
    return done.returncode, "\n".join(lines) or done.stderr


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("--seconds", type=float, default=float("inf"))
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    options = arguments.parse_args()
    stamps = options.build / "tidy"
    stamps.mkdir(exist_ok=True)
    everything = (ROOT / ".clang-tidy").read_bytes() + b"".join(
        header.read_bytes() for header in sorted((ROOT / "src").rglob("*.hpp")))

    def is_due(path):
        stamp = stamps / (path.relative_to(ROOT).as_posix().replace("/", "_") + ".clean")
        mark = fingerprint(path, everything)
        return None if stamp.exists() and stamp.read_text() == mark else (path, stamp, mark)

    due = [entry for entry in map(is_due, sources_of(options.build)) if entry]
    changed = changed_sources()
    due.sort(key=lambda entry: (entry[0] not in changed, entry[0]))
    deadline = time.monotonic() + options.seconds

    def look(entry):
        path, stamp, mark = entry
        if time.monotonic() > deadline:
            return path, None, ""
        code, text = examine(options.build, path, ["--extra-arg=-Wno-unknown-warning-option"])
        if code == 0:
            stamp.write_text(mark)
        return path, code, text

    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(look, due))
    bad = [text for _, code, text in results if code]
    late = [path for path, code, _ in results if code is None]
    for text in bad:
        print(text)
    print(f"{len(due) - len(late)} sources looked at, {len(bad)} with findings"
          + (f"; {len(late)} left for 'make soak', for want of time" if late else ""))
    sys.exit(1 if bad else 0)


main()
