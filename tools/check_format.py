#!/usr/bin/python3
"""Compares every C++ source with what clang-format makes of it; --fix writes it."""
import subprocess
import sys

from house import ROOT, report, tracked

FORMATTER = "clang-format-19"


def main():
    sources = [str(path) for path in tracked("*.cpp", "*.hpp")]
    if sys.argv[1:] == ["--fix"]:
        subprocess.run([FORMATTER, "-i", *sources], cwd=ROOT, check=True)
        return
    done = subprocess.run([FORMATTER, "--dry-run", "--Werror", *sources], cwd=ROOT, capture_output=True, text=True)
    findings = [line for line in done.stderr.splitlines() if "error:" in line]
    files = sorted({line.split(":")[0] for line in findings})
    report([f"{file}: not formatted" for file in files], "Run 'make format'.")


main()
