#!/usr/bin/python3
"""No source file over 500 lines without a reason in its first ten lines ("long because ..."), no path of a developer's machine."""
import re

from house import ROOT, report, tracked

LINES_MAX = 500
MACHINE_PATH = re.compile(r"(?<![\w/.-])/(home|root|work|tmp/build)[-/]\w")


def main():
    findings = []
    for path in tracked("*.cpp", "*.hpp", "*.py", "*.sh", "*.md", "*.txt", "*.json", "*.yaml", "*.cmake", "*.dot", "Makefile", ".ci/run"):
        lines = (ROOT / path).read_text(errors="replace").splitlines()
        if len(lines) > LINES_MAX and not any("long because" in line for line in lines[:10]):
            findings.append(f"{path}: {len(lines)} lines; split it, or say in its first ten lines 'long because ...'")
        for number, line in enumerate(lines, 1):
            if MACHINE_PATH.search(line) and path.name != "check_files.py":
                findings.append(f"{path}:{number}: a path of one machine: {line.strip()[:80]}")
    report(findings, f"Files aim at 300 lines and end at {LINES_MAX}; paths are relative or configured.")


main()
