"""Writes what a run measured into the documentation: docs/performance/results.json, the tables between the markers of
docs/performance.md, and docs/pictures/bench-*. `bench/publish.py` writes them again from the committed results,
`bench/publish.py FILE` from others, such as build/bench/results.json."""
import json
import pathlib
import sys

import plots
import report

BEGIN, END = "<!-- {name}: written by bench/publish.py -->", "<!-- end of {name} -->"


def put_between(text, name, content):
    """The text with what stands between the markers of `name` replaced."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"there are no markers of '{name}'")
    return f"{before}{begin}\n{content}\n{end}{after}"


def machines(scenarios, note=""):
    """One sentence per machine, with the scenarios that were measured on it; `note` is what else a reader must know."""
    by_machine = {}
    for name, scenario in scenarios.items():
        by_machine.setdefault(json.dumps(scenario["machine"], sort_keys=True), []).append((name, scenario["quick"]))
    lines = []
    for text, names in by_machine.items():
        machine = json.loads(text)
        quick = [name for name, is_quick in names if is_quick]
        lines.append(f"Measured on {machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB, "
                     f"Linux {machine['kernel']}, {machine['system']}"
                     + (f"; with `QUICK=1` (three short rounds): {', '.join(quick)}." if quick else "."))
    return "\n".join(lines + ([note] if note else []))


def figures(scenarios):
    """The table and the plot of every scenario."""
    parts = []
    for name, scenario in scenarios.items():
        parts.append(f"### {name}: {scenario['title']}\n\n`make bench ONLY={name}`, {max(map(len, scenario['rounds'].values()), default=0)} rounds\n\n"
                     f"```\n{report.scenario_table(scenario)}\n```\n\n![{name}](pictures/bench-{name}.svg)")
    return "\n\n".join(parts)


def compact(document):
    """JSON with one line per contender: it is read by people in diffs, and must not be long."""
    def scenario_text(scenario):
        runs = ",\n    ".join(f"{json.dumps(label)}: {json.dumps(values)}" for label, values in scenario["rounds"].items())
        targets = ",\n    ".join(json.dumps(row) for row in scenario["targets"])
        rest = json.dumps({key: value for key, value in scenario.items() if key not in ("rounds", "targets")})[1:-1]
        return f'{{{rest},\n   "rounds": {{\n    {runs}}},\n   "targets": [\n    {targets}]}}'
    scenarios = ",\n  ".join(f"{json.dumps(name)}: {scenario_text(scenario)}" for name, scenario in document["scenarios"].items())
    rest = json.dumps({key: value for key, value in document.items() if key != "scenarios"})[1:-1]
    return f'{{{rest},\n "scenarios": {{\n  {scenarios}}}}}\n'


def publish(document, root):
    scenarios = document["scenarios"]
    page = root / "docs" / "performance.md"
    text = page.read_text()
    for name, content in (("machine", machines(scenarios, document.get("note", ""))), ("targets", report.markdown_table(scenarios)), ("figures", figures(scenarios))):
        text = put_between(text, name, content)
    results = root / "docs" / "performance" / "results.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(compact({key: value for key, value in document.items() if key != "reproduction"}))
    page.write_text(text)
    if not plots.draw(scenarios, root / "docs" / "pictures"):
        print("publish: no plots: python3-matplotlib is not installed", file=sys.stderr)


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent.parent
    source = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "docs" / "performance" / "results.json"
    publish(json.loads(source.read_text()), here)
