#!/usr/bin/python3
"""Every DropReason is given by the code and provoked by a test that names it."""
import re

from house import ROOT, report, tracked

LIST = "src/layout/verdict.hpp"


def main():
    text = (ROOT / LIST).read_text()
    reasons = re.findall(r"^BIPLANE_DROP_REASON\((\w+),", text, re.M)
    sources, tests = "", ""
    for path in tracked("src/*.cpp", "src/*.hpp", "tests/*.cpp", "tests/*.hpp", "tests/*.py"):
        content = (ROOT / path).read_text()
        if path.parts[0] == "tests" or path.stem.endswith("_test"):
            tests += content
        elif str(path) != LIST:
            sources += content
    findings = []
    for name in reasons:
        if not re.search(rf"DropReason::{name}\b", sources):
            findings.append(f"{LIST}: {name} is given by no code")
        if not re.search(rf"\b{name}\b|[\"']{name.replace('_', '-')}[\"']", tests):
            findings.append(f"{LIST}: {name} is provoked by no test")
    report(findings, "A reason that nothing gives goes; one that nothing tests gets a case in tests/cases.")


main()
