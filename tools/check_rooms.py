#!/usr/bin/python3
"""A room includes only rooms below it (ARCHITECTURE.md). Tests beside a source may also use tests/packets and the like."""
import pathlib
import re

from house import ROOT, report, tracked

# room -> rooms it may include besides itself. A room inside a room (planes/kernel) is its own.
BELOW = {
    "layout": set(),
    "datapath": {"layout"},
    "base": {"layout"},  # addresses and MACs as the tables hold them; nothing else
    "planes": {"layout", "datapath", "base"},
    "planes/kernel": {"layout", "datapath", "base", "planes"},
    "planes/user": {"layout", "datapath", "base", "planes"},
    "control": {"layout", "datapath", "base"},
    "store": {"layout", "base", "control"},
    "host": {"layout", "base"},
    "api": {"layout", "datapath", "base", "planes", "control"},  # reads the mapped tables for its views
    "agent": {"layout", "datapath", "base", "planes", "planes/kernel", "control", "store", "host", "api"},
    "cli": {"layout", "datapath", "base", "planes", "planes/kernel", "planes/user", "control", "store", "host", "api"},
    "userplane": {"layout", "datapath", "base", "planes", "planes/user", "control", "host"},
}


def room_of(path):
    """The room a path below src/ lies in; None for what is no room."""
    parts = path.parts
    if len(parts) > 2 and "/".join(parts[:2]) in BELOW:
        return "/".join(parts[:2])
    return parts[0] if len(parts) > 1 and parts[0] in BELOW else None


def main():
    findings = []
    for source in tracked("src/*.cpp", "src/*.hpp"):
        room = room_of(source.relative_to("src"))
        if room is None:
            findings.append(f"{source}:1: lies in no room that tools/check_rooms.py knows")
            continue
        for number, line in enumerate((ROOT / source).read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not found:
                continue
            target = pathlib.Path(found.group(1))
            if target.parts[0] in ("packets", "cases", "engines", "tests"):
                if not source.stem.endswith("_test"):
                    findings.append(f"{source}:{number}: only a test may include {target}")
                continue
            other = room_of(target)
            if other is None:
                findings.append(f'{source}:{number}: "{target}" is no path from src/; write the whole path')
            elif other != room and other not in BELOW[room]:
                findings.append(f"{source}:{number}: {room} must not include {other} ({target})")
    report(findings, "See the rooms in ARCHITECTURE.md.")


main()
