"""Rounds: all contenders of a scenario are measured in turn, again and again. Nothing is measured in a block of its own."""
import subprocess
import sys
import time

import report
import sending
import targets
from devices.device import Skipped
from lab import Lab, LabError


class Bench:
    """How much is measured, and with which programs."""

    def __init__(self, build, quick=False, rounds=None):
        self.programs = build / "bin"
        self.tools = sending.Tools(build / "bench")
        self.rounds = rounds or (3 if quick else 7)
        self.slow_rounds = rounds or (1 if quick else 5)
        self.frames = 400_000 if quick else 1_500_000
        self.frames_of_new_flows = 100_000 if quick else 200_000  # less than what conntrack has room for
        self.seconds = 1 if quick else 3  # of a stream or of requests

    def run(self, scenario):
        print(f"\n{scenario.name}: {scenario.title}", flush=True)
        begin = time.monotonic()
        with Lab(self.programs, nodes=(), start=False) as lab:
            skipped, failures = {}, []
            present = [contender for contender in scenario.contenders if self._build(contender, lab, skipped, failures)]
            measured = {contender.label: [] for contender in present}
            rounds = self.slow_rounds if scenario.is_slow else self.rounds
            for number in range(rounds):
                for contender in present:
                    progress(f"  round {number + 1} of {rounds}: {contender.label}")
                    measured[contender.label].append(self._measure(contender, failures))
        progress("")
        judged = [targets.judge(target, measured, skipped) for target in scenario.targets]
        result = {"title": scenario.title, "unit": scenario.unit, "scale": scenario.scale, "metrics": list(scenario.metrics),
                  "rounds": measured, "skipped": skipped, "failures": failures, "targets": judged,
                  "seconds": round(time.monotonic() - begin, 1)}
        print(report.scenario_table(result), flush=True)
        return result

    def _build(self, contender, lab, skipped, failures):
        progress(f"  setting up {contender.label}")
        try:
            contender.build(self, lab)
            return True
        except Skipped as reason:
            skipped[contender.label] = str(reason)
        except (LabError, subprocess.TimeoutExpired) as error:
            failures.append(f"{contender.label}: {error}")
        return False

    def _measure(self, contender, failures):
        """None in place of a run that failed: its round has no ratio."""
        try:
            return contender.measure(self)
        except (LabError, subprocess.TimeoutExpired) as error:
            failures.append(f"{contender.label}: {error}")
            return None


def progress(text):
    """One line that is written over, on a terminal; nothing elsewhere."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)
