#!/usr/bin/python3
"""Biplane side by side with its opponents and with the bare limit, on one machine, in one run. Needs root.

    bench/bench.py [--quick] [--only NAME] [--publish]

Contenders stand up together and are measured in turn (A B C, A B C, ...); docs/performance.md explains the figures.
"""
import argparse
import json
import os
import pathlib
import signal
import sys

# Ctrl-C ends it without a word; a lab that is up catches it and takes itself down first.
signal.signal(signal.SIGINT, signal.SIG_DFL)

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "netns"))

import report  # noqa: E402
import reproduction  # noqa: E402
import rounds  # noqa: E402
import scenarios  # noqa: E402
import targets  # noqa: E402
from lab import Ended, LabError  # noqa: E402


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev", help="where the programs were built")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "build" / "bench" / "results.json")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: within five minutes")
    parser.add_argument("--only", metavar="NAME", help="one scenario; 'help' lists them")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--publish", action="store_true", help="writes docs/performance.md, its data and its plots")
    return parser.parse_args()


def list_scenarios():
    for make in scenarios.SCENARIOS.values():
        scenario = make()
        print(f"  {scenario.name:<26} {scenario.title}")


def choose(quick):
    """All scenarios, or those that QUICK=1 has time for; it says what it leaves out."""
    left_out = [name for name, make in scenarios.SCENARIOS.items() if quick and not make().in_quick]
    for name in left_out:
        print(f"bench: {name} takes too long for QUICK=1 and is left out; ONLY={name} measures it")
    return [name for name in scenarios.SCENARIOS if name not in left_out]


def load(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def keep(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def run(options, chosen):
    """Scenario -> its results; what was measured of a scenario before is kept for those that are not run now."""
    before = load(options.results)
    if before:
        keep(options.results.with_name("previous.json"), before)
    bench = rounds.Bench(options.build, options.quick, options.rounds)
    document = {"machine": report.machine(), "quick": options.quick, "scenarios": dict(before.get("scenarios", {}))}
    failed, measured = [], {}
    for name in chosen:
        measured[name] = {"targets": []}
        try:
            measured[name] = bench.run(scenarios.SCENARIOS[name]()) | {"machine": document["machine"], "quick": options.quick}
        except LabError as error:
            failed.append(f"{name}: {error}")
            print(f"bench: {name} failed: {error}", flush=True)
            continue
        document["scenarios"][name] = measured[name]
        failed += [f"{name}: {sentence}" for sentence in measured[name]["failures"]]
        keep(options.results, document)
    conclude(document, measured, before)
    keep(options.results, document)
    return document, failed


def conclude(document, measured, before):
    """What the run says beside the run before, and beside what is published."""
    print("\n" + report.target_table(measured))
    for sentence in targets.falls(measured, before.get("scenarios", {})):
        print(f"fallen since the run before: {sentence}")
    if document["quick"]:
        print("\npublished table: not compared with three short rounds; without QUICK=1 it is")
        return
    published = reproduction.published(load(ROOT / "docs" / "performance" / "results.json").get("scenarios", {}))
    document["reproduction"] = reproduction.compare(measured, published)
    print("\n" + "\n".join(reproduction.sentences(document["reproduction"])))


def main():
    options = parse()
    if options.only == "help":
        list_scenarios()
        return 0
    chosen = [options.only] if options.only else choose(options.quick)
    if unknown := [name for name in chosen if name not in scenarios.SCENARIOS]:
        print(f"bench: there is no scenario {unknown[0]}; there are:", file=sys.stderr)
        list_scenarios()
        return 2
    if os.geteuid() != 0:
        print("bench: this makes network namespaces and loads BPF programs: run it as root (sudo make bench)", file=sys.stderr)
        return 2
    document, failed = run(options, chosen)
    if options.publish and not failed:
        import publish
        publish.publish(document, ROOT)
    for sentence in failed:
        print(f"bench: FAILED: {sentence}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Ended as signal:
        sys.exit(signal.code if hasattr(signal, "code") else 130)
    except KeyboardInterrupt:
        sys.exit(130)
