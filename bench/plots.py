"""Plots of the published results, SVG and PNG, with Debian's matplotlib. Bars are medians, the thin lines the spread."""
import os
import statistics

os.environ.setdefault("SOURCE_DATE_EPOCH", "0")  # the same data make the same file


def draw_scenario(plt, name, result, directory):
    shown = [(label, [run["rate"] / result["scale"] for run in runs if run]) for label, runs in result["rounds"].items()]
    shown = [(label, values) for label, values in shown if values][::-1]
    if not shown:
        return
    figure, axes = plt.subplots(figsize=(8, 0.6 + 0.42 * len(shown)))
    medians = [statistics.median(values) for _, values in shown]
    around = [[middle - min(values) for middle, (_, values) in zip(medians, shown)],
              [max(values) - middle for middle, (_, values) in zip(medians, shown)]]
    colours = ["#2f6f9f" if "Biplane" in label else "#b9bcc0" if "bare" in label else "#d8a657" for label, _ in shown]
    axes.barh([label for label, _ in shown], medians, xerr=around, color=colours, ecolor="#444444", height=0.62, error_kw={"linewidth": 1})
    for position, middle in enumerate(medians):
        axes.text(0, position, f" {middle:.2f}", va="center", ha="left", fontsize=8, color="black")
    axes.set_xlabel(result["unit"], fontsize=9)
    axes.set_title(result["title"], fontsize=10, loc="left")
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save(plt, figure, directory / f"bench-{name}")


def draw_overview(plt, scenarios, directory):
    """Every ratio beside its target: 1 is the target itself, to the right of it is better."""
    rows = []
    for scenario in scenarios.values():
        for row in scenario["targets"]:
            if row["measured"] and row["bound"] is not None:
                share = row["bound"] / row["measured"] if row["at_most"] else row["measured"] / row["bound"]
                rows.append((row["row"], row["target"], share, row["met"]))
    rows = sorted(rows, key=lambda row: row[0], reverse=True)
    if not rows:
        return
    figure, axes = plt.subplots(figsize=(9, 0.8 + 0.26 * len(rows)))
    axes.barh([f"{number}  {text}" for number, text, _, _ in rows], [min(share, 3) for *_, share, _ in rows],
              color=["#4f8a5b" if met else "#b5544d" for *_, met in rows], height=0.6)
    axes.axvline(1, color="#222222", linewidth=1)
    axes.set_xlabel("measured, as a share of the target (1 = met; cut at 3)", fontsize=9)
    axes.tick_params(labelsize=7)
    save(plt, figure, directory / "bench-targets")


def save(plt, figure, path):
    figure.savefig(path.with_suffix(".svg"), bbox_inches="tight", metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), bbox_inches="tight", dpi=110, metadata={"Software": None})
    plt.close(figure)


def draw(scenarios, directory):
    """False if there is no matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "biplane"
    import matplotlib.pyplot as plt
    directory.mkdir(parents=True, exist_ok=True)
    for name, result in scenarios.items():
        draw_scenario(plt, name, result, directory)
    draw_overview(plt, scenarios, directory)
    return True
