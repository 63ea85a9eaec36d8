"""What the demo prints: steps as they happen, checks with what was seen, a summary table. Colours only on a terminal."""
import os
import sys
import time


class Screen:
    def __init__(self):
        self._begin = time.monotonic()
        self._checks = []
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def _paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self._colours else text

    def _say(self, text=""):
        print(text, flush=True)

    def title(self, text):
        self._say(f"\n{self._paint(text, '1')}")

    def step(self, text):
        self._say(f"  {time.monotonic() - self._begin:5.1f} s  {text}")

    def check(self, name, outcome):
        held, seen = outcome
        self._checks.append((name, held, seen))
        mark = self._paint("ok  ", "32") if held else self._paint("FAIL", "1;31")
        self.step(f"{mark}  {name}: {seen}")

    def quote(self, text, lines=40):
        """Another program's output, at most so many lines of it."""
        rows = text.rstrip().splitlines()
        for row in rows[:lines]:
            self._say(f"    {row}")
        if len(rows) > lines:
            self._say(f"    ... and {len(rows) - lines} more lines")

    def all_held(self):
        return all(held for _, held, _ in self._checks)

    def summary(self, seconds):
        """One row for what was looked at (the words before the last colon), one column for how often it held."""
        rows = {}
        for name, held, seen in self._checks:
            head, _, what = name.rpartition(": ")
            row = rows.setdefault(head or "isolation", [0, 0, []])
            row[0] += held
            row[1] += 1
            if what.startswith("iperf3") and held:
                row[2].append(f"{what.removeprefix('iperf3 ')} {seen}")
        self.title("Summary")
        width = max(map(len, rows))
        for head, (held, total, notes) in rows.items():
            mark = self._paint("ok  ", "32") if held == total else self._paint("FAIL", "1;31")
            self._say(f"  {mark}  {head:<{width}}  {held:2}/{total:<2}  {'; '.join(notes)}".rstrip())
        for name, held, seen in self._checks:
            if not held:
                self._say(self._paint(f"  did not hold: {name}: {seen}", "31"))
        held = sum(held for _, held, _ in self._checks)
        self._say(f"\n  {held} of {len(self._checks)} held, in {seconds:.0f} s")
