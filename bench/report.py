"""Results as text: the tables on the terminal and in docs/performance.md. Pure, but for machine()."""
import os
import pathlib
import platform
import re
import statistics


def machine():
    """What a reader needs to know about where this was measured."""
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    release = re.search(r'PRETTY_NAME="([^"]*)"', pathlib.Path("/etc/os-release").read_text())
    version = re.match(r"\d+\.\d+(\.\d+)?", platform.release())
    return {"processor": model, "processors": os.cpu_count(), "memory_gib": round(memory / 2**20, 1),
            "kernel": version[0] if version else platform.release(), "system": release[1] if release else "unknown"}


def spread(values):
    return f"{min(values):.2f} to {max(values):.2f}"


def scenario_table(result):
    """One row per contender: median, spread, and what was skipped or failed, and why."""
    width = max([len(label) for label in list(result["rounds"]) + list(result["skipped"])] + [10])
    further = [heading for _, heading, _ in result["metrics"]]
    lines = [f"  {'':<{width}}  {result['unit']:>8}  {'spread':>16}" + "".join(f"  {heading:>12}" for heading in further)]
    for label, runs in result["rounds"].items():
        runs = [run for run in runs if run]
        if not runs:
            lines.append(f"  {label:<{width}}  {'failed':>8}")
            continue
        values = [run["rate"] / result["scale"] for run in runs]
        line = f"  {label:<{width}}  {statistics.median(values):8.3f}  {spread(values):>16}"
        for metric, _, scale in result["metrics"]:
            known = [run[metric] for run in runs if metric in run]
            line += f"  {statistics.median(known) / scale:12.2f}" if known else " " * 14
        disturbed = sum(bool(run.get("disturbed")) for run in runs)
        lines.append(line + (f"  ({disturbed} of {len(runs)} runs shared the processor)" if disturbed else ""))
    lines += [f"  {label:<{width}}  skipped: {reason}" for label, reason in result["skipped"].items()]
    lines += [f"  FAILED: {sentence}" for sentence in result["failures"]]
    return "\n".join(lines)


def verdict(row):
    if row["measured"] is not None and row["bound"] is None:
        return "information"
    return {True: "yes", False: "no", None: "not measured"}[row["met"]]


def target_rows(scenarios):
    """All targets in the order of the issue's table: (row, scenario, target, measured, spread, met)."""
    found = []
    for name, scenario in scenarios.items():
        for row in scenario["targets"]:
            if row["measured"] is None:
                found.append((row["row"], name, row["target"], "", "", f"{verdict(row)}: {row['why']}"))
            else:
                found.append((row["row"], name, row["target"], f"{row['measured']:.2f}", f"{row['least']:.2f} to {row['most']:.2f}",
                              verdict(row)))
    return sorted(found, key=lambda row: row[0])


def target_table(scenarios):
    if not target_rows(scenarios):
        return ""
    rows = [("#", "scenario", "target", "measured", "spread", "met?")] + [tuple(map(str, row)) for row in target_rows(scenarios)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    widths[5] = 0
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def markdown_table(scenarios):
    lines = ["| # | scenario | target | measured | spread | met? |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in target_rows(scenarios)]
    return "\n".join(lines)
