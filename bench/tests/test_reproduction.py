"""Whether a run reproduces the published table. No traffic."""
import pathlib

import bench
import pytest
import report
import reproduction
from targets import Target, judge

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def row(measured, least=None, most=None, at_most=False, target="t"):
    least, most = measured if least is None else least, measured if most is None else most
    return {"row": 1, "target": target, "bound": 1, "at_most": at_most, "measured": measured, "least": least, "most": most, "met": None}


def scenario(*rows):
    return {"targets": list(rows)}


def compared(now, *, at_most=False, width=0.0):
    rows = reproduction.published({"s": scenario(row(0.85, 0.8, 0.9, at_most))})
    return reproduction.compare({"s": scenario(row(now, now - width, now + width, at_most))}, rows)


@pytest.mark.parametrize("now, at_most, kind", [
    (0.85, False, "reproduced"), (0.8, False, "reproduced"), (0.9, True, "reproduced"), (0.95, False, "better"), (0.7, True, "better"),
    (0.7, False, "worse"), (0.95, True, "worse")])
def test_a_ratio_within_the_published_spread_is_reproduced(now, at_most, kind):
    assert [name for name, entries in compared(now, at_most=at_most).items() if entries] == [kind]


@pytest.mark.parametrize("now, kind", [(0.75, "reproduced"), (0.95, "reproduced"), (0.74, "worse"), (0.96, "better")])
def test_it_is_the_rounds_of_both_runs_that_have_to_meet(now, kind):
    assert compared(now, width=0.05)[kind]


@pytest.mark.parametrize("now, kind", [(0.796, "reproduced"), (0.904, "reproduced"), (0.794, "worse"), (0.906, "better")])
def test_what_the_table_would_show_as_equal_is_equal(now, kind):
    assert compared(now)[kind]


def test_one_ratio_that_fell_out_of_its_spread_is_not_reproduced_and_told_by_name_and_by_how_much():
    text = "\n".join(reproduction.sentences(compared(0.6)))
    assert text.startswith("published table not reproduced: of 1 ratios 0 meet their published spread, 0 are outside but better, "
                           "1 are outside and worse, 0 could not be measured")
    assert "  outside: s: t: 0.60, published 0.80 to 0.90, 25.0% below it" in text


def test_one_that_is_worse_counts_against_all_that_are_reproduced():
    rows = reproduction.published({"s": scenario(row(1, 1, 1), row(1, 1, 1, target="fell"))})
    found = reproduction.compare({"s": scenario(row(1), row(0.5, target="fell"))}, rows)
    assert len(found["reproduced"]) == 1 and reproduction.verdict(found) == "not reproduced"


def test_what_is_better_than_published_is_told_and_does_not_count_against():
    text = "\n".join(reproduction.sentences(compared(1.08)))
    assert text.startswith("published table reproduced") and "  outside but better: s: t: 1.08, published 0.80 to 0.90, 20.0% above it" in text


def test_published_ratios_that_could_not_be_measured_are_not_reproduced():
    rows = reproduction.published({"s": scenario(row(1, 1, 1, target="skipped now"), row(1, 1, 1, target="gone"))})
    found = reproduction.compare({"s": scenario(row(None, target="skipped now"))}, rows)
    assert {entry["target"] for entry in found["notMeasured"]} == {"skipped now", "gone"}
    assert reproduction.sentences(found)[0].startswith("published table not reproduced")


def test_a_scenario_that_failed_has_reproduced_nothing():
    rows = reproduction.published({"s": scenario(row(1, 1, 1))})
    found = reproduction.compare({"s": scenario()}, rows)
    assert len(found["notMeasured"]) == 1 and reproduction.verdict(found) == "not reproduced"


def test_where_only_some_could_be_measured_it_says_so():
    rows = reproduction.published({"s": scenario(row(1, 1, 1), row(1, 1, 1, target="needs more memory"))})
    found = reproduction.compare({"s": scenario(row(1), row(None, target="needs more memory"))}, rows)
    text = "\n".join(reproduction.sentences(found))
    assert text.startswith("published table reproduced as far as it could be measured: of 2") and "  not measured: s: needs more memory" in text


def test_only_what_was_measured_is_compared():
    rows = reproduction.published({"s": scenario(row(1, 1, 1)), "other": scenario(row(1, 1, 1))})
    found = reproduction.compare({"s": scenario(row(1))}, rows)
    assert sum(map(len, found.values())) == 1


def test_what_was_not_measured_then_and_is_not_now_counts_for_nothing():
    rows = reproduction.published({"s": scenario(row(None))})
    assert not any(reproduction.compare({"s": scenario(row(None))}, rows).values())


def test_a_ratio_that_is_not_published_yet_is_no_failure():
    found = reproduction.compare({"s": scenario(row(1), row(1, target="new"))}, reproduction.published({"s": scenario(row(1, 1, 1))}))
    assert reproduction.verdict(found) == "reproduced" and "  ratios that are not published yet: 1" in reproduction.sentences(found)


def test_without_published_ratios_it_says_so(tmp_path):
    found = reproduction.compare({"s": scenario(row(1))}, reproduction.published(bench.load(tmp_path / "none").get("scenarios", {})))
    assert reproduction.sentences(found) == ["published table: it has no ratio of what was measured"]


def test_the_file_holds_what_was_published(tmp_path):
    scenarios = {"b": scenario(row(1.234, 1.111, 1.999)), "a": scenario(row(None))}
    rows = reproduction.published(scenarios)
    bench.keep(tmp_path / "results.json", {"scenarios": scenarios})
    assert reproduction.published(bench.load(tmp_path / "results.json")["scenarios"]) == rows
    assert [entry["scenario"] for entry in rows] == ["b", "a"] and rows[0]["least"] == 1.11


def test_the_published_file_and_the_published_page_say_the_same():
    page = (DOCS / "performance.md").read_text()
    scenarios = bench.load(DOCS / "performance" / "results.json")["scenarios"]
    assert reproduction.published(scenarios)
    assert report.markdown_table(scenarios) in page


def test_a_ratio_for_information_is_neither_met_nor_missed():
    judged = judge(Target(3, "ours", "theirs", None), {"ours": [{"rate": 2}], "theirs": [{"rate": 1}]}, {})
    assert judged["met"] is None and judged["measured"] == 2 and judged["target"] == "ours: compared to theirs"
    assert "| ours: compared to theirs | 2.00 | 2.00 to 2.00 | information |" in report.markdown_table({"s": {"targets": [judged]}})
