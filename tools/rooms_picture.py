#!/usr/bin/python3
"""Prints docs/pictures/rooms.dot from src/rooms.txt: the graph that the build and tools/check_rooms.py use."""
from house import ROOT

COLORS = {"layout": "#fdf3d8", "datapath": "#e8f3e0", "planes": "#e8f3e0", "agent": "#f2e6f7", "userplane": "#f2e6f7", "cli": "#f2e6f7"}


def picture():
    lines = ["// Made from src/rooms.txt by tools/rooms_picture.py.",
             'digraph rooms {',
             '    rankdir=BT; fontname="Helvetica"; bgcolor="white"; nodesep=0.3; ranksep=0.45;',
             '    node [shape=box, style="rounded,filled", fillcolor="#eef4fb", fontname="Helvetica", fontsize=11];',
             '    edge [arrowhead=none, color="#666666"];']
    for line in (ROOT / "src/rooms.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        room, below = (column.strip() for column in line.split("|")[:2])
        color = COLORS.get(room.split("/")[0])
        lines.append(f'    "{room}"' + (f' [fillcolor="{color}"]' if color else "") + ";")
        lines += [f'    "{lower}" -> "{room}";' for lower in below.split()]
    return "\n".join(lines + ["}"]) + "\n"


if __name__ == "__main__":
    print(picture(), end="")
