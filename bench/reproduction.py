"""Whether a run reproduces the published ratios: those of the table in docs/performance.md, whose results docs/performance/results.json
holds, with the digits of the table. Pure."""

DIGITS = 2


def published(scenarios):
    """The ratios of published results, as the table shows them."""
    return [{"scenario": name, "target": row["target"], "median": rounded(row["measured"]), "least": rounded(row.get("least")),
             "greatest": rounded(row.get("most"))}
            for name, scenario in scenarios.items() for row in scenario["targets"]]


def rounded(value):
    return None if value is None else round(value, DIGITS)


def compare(measured, rows):
    """What became of each published ratio of the scenarios that were `measured`, and of the ratios that are not published. One is reproduced
    if the rounds of both runs meet: if the new spread and the published one overlap, in the digits in which that is published."""
    then = {(row["scenario"], row["target"]): row for row in rows}
    found = {"reproduced": [], "better": [], "worse": [], "notMeasured": [], "notPublished": []}
    for name, scenario in measured.items():
        for row in scenario["targets"]:
            kind, entry = compare_one(row, then.pop((name, row["target"]), None))
            if kind:
                found[kind].append({"scenario": name, "target": row["target"]} | entry)
    found["notMeasured"] += [{"scenario": name, "target": target} for (name, target), row in then.items()
                             if name in measured and row["median"] is not None]
    return found


def compare_one(row, then):
    """(kind, figures); no kind if there is no figure on either side."""
    now, was = rounded(row["measured"]), then["median"] if then else None
    if now is None:
        return ("notMeasured", {}) if was is not None else ("", {})
    if was is None:
        return "notPublished", {"median": now}
    least, greatest = rounded(row["least"]), rounded(row["most"])
    figures = {"median": now, "least": then["least"], "greatest": then["greatest"]}
    if least <= then["greatest"] and greatest >= then["least"]:
        return "reproduced", figures
    border = then["least"] if greatest < then["least"] else then["greatest"]
    is_better = (now < border) == row["at_most"]
    return "better" if is_better else "worse", figures | {"beyond": round(now / border - 1, 3) if border else None}


def verdict(found):
    if found["worse"] or not (found["reproduced"] or found["better"]):
        return "not reproduced"
    return "reproduced as far as it could be measured" if found["notMeasured"] else "reproduced"


def beyond(entry):
    share = entry["beyond"]
    by = "" if share is None else f", {abs(share):.1%} {'below' if share < 0 else 'above'} it"
    return f"{entry['median']:.{DIGITS}f}, published {entry['least']:.{DIGITS}f} to {entry['greatest']:.{DIGITS}f}{by}"


def sentences(found):
    """The section at the end of a run."""
    kept, better, worse, missing, new = (len(found[kind]) for kind in ("reproduced", "better", "worse", "notMeasured", "notPublished"))
    count = kept + better + worse + missing
    if not count:
        return ["published table: it has no ratio of what was measured"]
    lines = [f"published table {verdict(found)}: of {count} ratios {kept} meet their published spread, {better} are outside but better, "
             f"{worse} are outside and worse, {missing} could not be measured"]
    for kind, word in (("worse", "outside"), ("better", "outside but better")):
        lines += [f"  {word}: {entry['scenario']}: {entry['target']}: {beyond(entry)}" for entry in found[kind]]
    lines += [f"  not measured: {entry['scenario']}: {entry['target']}" for entry in found["notMeasured"]]
    return lines + ([f"  ratios that are not published yet: {new}"] if new else [])
