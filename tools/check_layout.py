#!/usr/bin/python3
"""Compares the types of the shared tables with those recorded for layout_version (src/layout/layout.lock).

Running tables are adopted if their layout_version is the agent's, so a change of a type, an enum or the position of a drop reason
must raise it. --record writes the lock anew after that. New drop reasons at the end change nothing.
"""
import hashlib
import re
import subprocess
import sys
import tempfile

from house import ROOT, report, tracked

LOCK = "src/layout/layout.lock"
COMPILERS = ("clang++-19", "clang++-18", "clang++-17", "clang++-16", "clang++-15", "clang++-14")


def compiler():
    for name in COMPILERS:
        if subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True).returncode == 0:
            return name
    sys.exit(f"check_layout: needs one of {', '.join(COMPILERS)}")


def record_layouts():
    """Every struct of src/layout: members, offsets, sizes, as clang lays them out."""
    headers = [str(path.relative_to("src")) for path in tracked("src/layout/*.hpp")]
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as source:
        source.write("".join(f'#include "{header}"\n' for header in headers))
        source.flush()
        done = subprocess.run([compiler(), "-std=c++20", "-I", ROOT / "src", "-Xclang", "-fdump-record-layouts-complete",
                               "-fsyntax-only", source.name], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"check_layout: src/layout does not compile:\n{done.stderr}")
    blocks = done.stdout.split("*** Dumping AST Record Layout\n")
    return sorted({block.strip() for block in blocks if re.match(r"\s*0 \| (struct|class|union) biplane::(?!TableImage)", block)})


def enums():
    """The numbers that stand in the tables by name: bodies of the enums, without comments."""
    found = []
    for path in tracked("src/layout/*.hpp"):
        text = re.sub(r"//[^\n]*", "", (ROOT / path).read_text())
        for name, body in re.findall(r"enum class (\w+)[^{]*\{([^}]*)\}", text):
            if name != "DropReason":
                found.append(name + re.sub(r"\s+", " ", body))
    return sorted(found)


def current():
    version = re.search(r"layout_version = (\d+);", (ROOT / "src/layout/tables.hpp").read_text()).group(1)
    digest = hashlib.sha256("\n".join(record_layouts() + enums()).encode()).hexdigest()
    reasons = re.findall(r"^BIPLANE_DROP_REASON\((\w+),", (ROOT / "src/layout/drop_reasons.def").read_text(), re.M)
    return int(version), digest, reasons


def recorded():
    if not (ROOT / LOCK).exists():
        return 0, "", []
    fields = dict(line.split(": ", 1) for line in (ROOT / LOCK).read_text().splitlines())
    return int(fields["layout_version"]), fields["sha256"], fields["reasons"].split()


def main():
    version, digest, reasons = current()
    old_version, old_digest, old_reasons = recorded()
    changed = []
    if digest != old_digest:
        changed.append("a type or an enum of src/layout")
    if reasons[:len(old_reasons)] != old_reasons:
        changed.append("the position of a drop reason")
    if sys.argv[1:] == ["--record"]:
        if changed and version <= old_version:
            sys.exit(f"check_layout: {' and '.join(changed)} changed: raise layout_version in src/layout/tables.hpp first")
        (ROOT / LOCK).write_text(f"layout_version: {version}\nsha256: {digest}\nreasons: {' '.join(reasons)}\n")
        return
    if not changed and version != old_version:
        changed.append("layout_version")
    report([f"{LOCK}: {what} changed" for what in changed],
           "Raise layout_version in src/layout/tables.hpp (for drop reasons: append instead), then run tools/check_layout.py --record.")


main()
