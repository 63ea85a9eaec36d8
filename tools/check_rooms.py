#!/usr/bin/python3
"""A room includes only rooms below it (ARCHITECTURE.md). Tests beside a source may also use tests/packets and the like."""
import pathlib
import re

from house import ROOT, report, tracked
from rooms_picture import picture


def declared_rooms():
    """room -> the rooms it may include besides itself, from src/rooms.txt: what its line names, and what those may include."""
    below = {}
    for line in (ROOT / "src/rooms.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            room, uses = (column.strip() for column in line.split("|")[:2])
            below[room] = set(uses.split()).union(*(below[lower] for lower in uses.split()))
    return below


BELOW = declared_rooms()


def room_of(path):
    """The room a path below src/ lies in; None for what is no room. Folders of a room that are not declared belong to it."""
    folders = path.parts[:-1]
    for depth in range(len(folders), 0, -1):
        if "/".join(folders[:depth]) in BELOW:
            return "/".join(folders[:depth])
    return None


def main():
    findings = []
    for source in tracked("src/*.cpp", "src/*.hpp"):
        room = room_of(source.relative_to("src"))
        if room is None:
            findings.append(f"{source}:1: lies in no room that src/rooms.txt declares")
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
    if (ROOT / "docs/pictures/rooms.dot").read_text() != picture():
        findings.append("docs/pictures/rooms.dot: is not what src/rooms.txt declares; run make pictures")
    report(findings, "See the rooms in ARCHITECTURE.md.")


main()
