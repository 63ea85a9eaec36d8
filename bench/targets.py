"""Targets, and what was measured beside them. Pure: numbers in, numbers out.

Ratios are taken within a round, where both were measured one after the other; the median over the rounds is the result, its spread
the least and the greatest round.
"""
import dataclasses
import statistics

FALL = 0.9  # of the last run's ratio: less is shown as a fall


@dataclasses.dataclass(frozen=True)
class Target:
    """`of`'s metric divided by `to`'s (None: the metric itself, divided by `unit`) is to be at least, or at most, `bound`. Without a
    bound the ratio is for information, and the greater the better, or with `at_most` the smaller."""
    row: int  # of the table
    of: str
    to: str | None
    bound: float | None
    metric: str = "rate"
    at_most: bool = False
    text: str = ""
    unit: float = 1.0

    def words(self):
        if self.text:
            return self.text
        if self.bound is None:
            return f"{self.of}: compared to {self.to}"
        sense = "at most" if self.at_most else "at least"
        return f"{self.of}: {sense} {self.bound:g} x {self.to}"


def median(values):
    return statistics.median(values) if values else None


def ratios(target, rounds):
    """One ratio per round; `rounds` is contender -> list of metrics (or None where a run failed)."""
    of = rounds.get(target.of, [])
    to = rounds.get(target.to, []) if target.to else [{target.metric: target.unit}] * len(of)
    return [one[target.metric] / other[target.metric] for one, other in zip(of, to)
            if one and other and one.get(target.metric) is not None and other.get(target.metric)]


def judge(target, rounds, skipped):
    """The row of the published table."""
    row = {"row": target.row, "target": target.words(), "bound": target.bound, "at_most": target.at_most}
    values = ratios(target, rounds)
    if not values:
        reasons = [f"{name}: {skipped[name]}" for name in (target.of, target.to) if name in skipped]
        return row | {"measured": None, "met": None, "why": "; ".join(reasons) or "no round in which both were measured"}
    measured = statistics.median(values)
    met = None
    if target.bound is not None:
        met = measured <= target.bound if target.at_most else measured >= target.bound
    return row | {"measured": measured, "least": min(values), "most": max(values), "rounds": len(values), "met": met}


def falls(now, before):
    """Sentences about targets whose ratio is clearly worse than in the run before."""
    found = []
    for name, scenario in now.items():
        earlier = {row["target"]: row for row in before.get(name, {}).get("targets", [])}
        for row in scenario["targets"]:
            then = earlier.get(row["target"], {}).get("measured")
            if not then or not row["measured"]:
                continue
            change = then / row["measured"] if row["at_most"] else row["measured"] / then
            if change < FALL:
                found.append(f"{name}: {row['target']}: {row['measured']:.2f}, was {then:.2f}")
    return found
