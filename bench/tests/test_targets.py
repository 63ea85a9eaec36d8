"""What is made of the numbers: ratios, spread, falls, tables. No traffic."""
import json

import publish
import pytest
import report
from targets import Target, falls, judge, ratios


def runs(*rates):
    return [None if rate is None else {"rate": rate} for rate in rates]


ROUNDS = {"ours": runs(2, 6, 4), "theirs": runs(1, 2, 4)}


def test_a_ratio_is_taken_within_its_round():
    assert ratios(Target(1, "ours", "theirs", 1), ROUNDS) == [2, 3, 1]


def test_a_target_without_an_opponent_is_the_figure_itself_in_its_unit():
    assert ratios(Target(1, "ours", None, 1, unit=2), ROUNDS) == [1, 3, 2]


def test_a_round_in_which_one_side_failed_has_no_ratio():
    assert ratios(Target(1, "ours", "theirs", 1), {"ours": runs(2, None, 4), "theirs": runs(1, 2, None)}) == [2]


@pytest.mark.parametrize("bound, at_most, met", [(2, False, True), (2.1, False, False), (2, True, True), (1.9, True, False)])
def test_the_median_meets_the_bound_or_not(bound, at_most, met):
    row = judge(Target(1, "ours", "theirs", bound, at_most=at_most), ROUNDS, {})
    assert (row["measured"], row["least"], row["most"], row["met"]) == (2, 1, 3, met)


def test_what_was_skipped_is_not_measured_and_says_why():
    row = judge(Target(1, "ours", "theirs", 1), {"ours": runs(1)}, {"theirs": "not installed"})
    assert row["met"] is None and row["why"] == "theirs: not installed"


def scenario(measured, at_most=False):
    return {"s": {"targets": [{"row": 1, "target": "t", "measured": measured, "at_most": at_most}]}}


@pytest.mark.parametrize("before, now, at_most, is_fall", [
    (1.0, 0.95, False, False), (1.0, 0.85, False, True), (1.0, 1.2, False, False), (1.0, 1.2, True, True), (1.0, 0.5, True, False),
    (None, 0.5, False, False), (1.0, None, False, False)])
def test_a_clear_fall_since_the_run_before_is_told(before, now, at_most, is_fall):
    assert bool(falls(scenario(now, at_most), scenario(before, at_most))) == is_fall


def published(met, measured=2.0):
    row = {"row": 3, "target": "ours: at least 1 x theirs", "bound": 1, "at_most": False, "measured": measured, "met": met}
    return {"s": {"targets": [row | ({"least": 1.0, "most": 3.0} if measured else {"why": "theirs: not installed"})]}}


def test_a_missed_target_is_shown_as_missed():
    assert "| 3 | s | ours: at least 1 x theirs | 2.00 | 1.00 to 3.00 | no |" in report.markdown_table(published(False))


def test_a_target_that_was_not_measured_has_no_figure():
    assert "|  |  | not measured: theirs: not installed |" in report.markdown_table(published(None, None))


def test_a_contender_whose_runs_failed_or_that_was_skipped_stays_in_the_table():
    text = report.scenario_table({"unit": "Mpps", "scale": 1, "metrics": [], "rounds": {"a": runs(1, None, 3), "b": runs(None)},
                                  "skipped": {"c": "not installed"}, "failures": ["b: none arrived"]})
    assert "2.000      1.00 to 3.00" in text and "skipped: not installed" in text and "FAILED: b: none arrived" in text


def test_only_what_stands_between_the_markers_is_replaced():
    text = "before\n" + publish.BEGIN.format(name="x") + "\nold\n" + publish.END.format(name="x") + "\nafter\n"
    assert publish.put_between(publish.put_between(text, "x", "new"), "x", "new") == text.replace("old", "new")


def test_compact_results_are_the_same_results():
    scenario = published(True)["s"] | {"title": "t", "rounds": {"a": runs(1, None), "b": []}}
    document = {"machine": {"processors": 2}, "quick": False, "scenarios": {"s": scenario, "empty": scenario | {"targets": [], "rounds": {}}}}
    assert json.loads(publish.compact(document)) == document


def test_missing_markers_are_an_error():
    with pytest.raises(ValueError, match="no markers of 'x'"):
        publish.put_between("text", "x", "new")


def test_every_target_names_contenders_of_its_scenario():
    import scenarios
    for make in scenarios.SCENARIOS.values():
        made = make()
        labels = [contender.label for contender in made.contenders]
        assert len(labels) == len(set(labels)), made.name
        for target in made.targets:
            assert target.of in labels and (target.to is None or target.to in labels), (made.name, target)


@pytest.mark.parametrize("shape", ["OnePolicy", "ManyPolicies"])
def test_so_many_rules_are_asked_for_and_nft_gets_as_many_different_ones(shape):
    import policies
    made = getattr(policies, shape)()
    text = made.documents(1000)
    assert text.count("    - { from: ") + text.count("    - { to: ") in (1000, 1001)  # one policy lets traffic through in both directions
    rules = list(made.nft_tuples(1000))
    assert len(rules) == len(set(rules)) and 998 <= len(rules) <= 1000
    assert all(port < 65536 for *_, port in rules)


def test_targets_of_a_scenario_have_different_words():
    import scenarios
    for make in scenarios.SCENARIOS.values():
        words = [target.words() for target in make().targets]
        assert len(words) == len(set(words)), words


def test_sixteen_million_flows_are_left_out_of_quick_visibly(capsys):
    import bench
    assert "xdp-16m" in bench.choose(False) and "xdp-16m" not in bench.choose(True)
    assert "xdp-16m takes too long for QUICK=1 and is left out; ONLY=xdp-16m measures it" in capsys.readouterr().out


def test_without_the_memory_it_needs_a_contender_is_skipped_and_says_so(monkeypatch):
    import contenders
    from devices.device import Skipped
    monkeypatch.setattr(contenders, "free_gib", lambda: 7.25)
    with pytest.raises(Skipped, match="it needs 12 GiB of free memory, and there are 7.2"):
        contenders.Packets(None, contenders.flows(16_000_000), "large", gib=12).build(None, None)
