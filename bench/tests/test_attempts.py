"""Runs that had to share their processors are made again, whatever they measure. No traffic."""
import os
import types

import clients
import measure
import processors
import pytest
import sending as t
from attempts import undisturbed
from devices import paths


def run(share):
    return types.SimpleNamespace(share=share, disturbed=share < 0.9)


@pytest.mark.parametrize("shares, taken, made", [
    ([1.0], 1.0, 1), ([0.5, 0.95], 0.95, 2), ([0.5, 0.6, 0.9], 0.9, 3), ([0.5, 0.7, 0.6, 1.0], 0.7, 3)])
def test_a_disturbed_run_is_repeated_at_most_twice_and_then_the_best_counts(shares, taken, made):
    left = iter(shares)
    assert undisturbed(lambda: run(next(left))).share == taken
    assert len(list(left)) == len(shares) - made


@pytest.mark.parametrize("busy, own, others", [
    (2, 2, 0),                 # all of it ours, on one or both
    (4, 2, 1), (2, 1.8, 0.1),  # in two seconds: somebody has a whole processor, or a tenth of one
    (8, 2, 1), (2, 2.04, 0)])  # never more than all, nor, with clocks of two kinds, less than nothing
def test_busy_time_that_is_not_ours_is_others(busy, own, others):
    assert processors.others_share(2, busy, own) == pytest.approx(others)


def test_busy_time_is_that_of_the_processors_asked_for():
    both = processors.busy_seconds({"cpu0"}) + sum(processors.busy_seconds({f"cpu{n}"}) for n in range(1, os.cpu_count()))
    assert processors.busy_of_all() == pytest.approx(both, abs=1)


def contender(made, shares, monkeypatch):
    """Of streams or requests, whose runs are not made and had these shares."""
    left = iter(shares)
    watched = []

    class Watch:
        def __init__(self, on_processors, processes):
            watched.append((on_processors, processes))

        def share(self):
            return next(left)

    monkeypatch.setattr(processors, "Watch", Watch)
    monkeypatch.setattr(made, "run", lambda bench: {"rate": len(watched)})
    made.path = types.SimpleNamespace(processes=lambda: [types.SimpleNamespace(pid=7)])
    made.server_process = types.SimpleNamespace(pid=5)
    return made, watched


@pytest.mark.parametrize("made, used", [
    (clients.Stream(paths.BareVeth), (t.PROCESS_CPU, t.GENERATOR_CPU)), (clients.Requests(paths.BareVeth), (t.GENERATOR_CPU,))])
def test_streams_watch_both_processors_and_requests_their_one(made, used, monkeypatch):
    made, watched = contender(made, [0.5, 0.97], monkeypatch)
    assert made.measure(None) == {"rate": 2, "share": 0.97, "disturbed": False}
    assert watched == [(used, [5, 7])] * 2


def test_a_stream_that_was_never_alone_is_shown_as_shared(monkeypatch):
    made, _ = contender(clients.Stream(paths.BareVeth), [0.5, 0.7, 0.6], monkeypatch)
    assert made.measure(None) == {"rate": 2, "share": 0.7, "disturbed": True}


@pytest.mark.parametrize("has_process, share, device_share, received, disturbed", [
    (False, 0.95, 0, 100, False), (False, 0.85, 0, 100, True),
    (True, 0.5, 0.95, 60, False), (True, 0.5, 0.85, 60, True), (True, 0.5, 0.2, 100, False)])  # the last one kept up: it waited
def test_a_run_of_packets_is_disturbed_where_its_device_runs(has_process, share, device_share, received, disturbed):
    made = measure.Run(rate=1, sent=100, received=received, handled=received, share=share, device_share=device_share, lost_at={},
                       has_process=has_process)
    assert made.disturbed == disturbed
