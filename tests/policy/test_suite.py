"""The suite itself: is it as large and as varied as it claims to be, and can each of its steps tell something?"""
import json

import suite


def test_it_has_at_least_150_policies():
    policies = {json.dumps(one, sort_keys=True) for step in suite.load_steps() for one in step.policies}
    assert len(policies) >= 150, len(policies)


def test_every_sentence_is_said_once():
    sentences = [step.shows for step in suite.load_steps()]
    assert len(sentences) == len(set(sentences))


def test_nine_workloads_stand_in_three_namespaces():
    assert len(suite.WORKLOADS) == 9 and len({name.split("/")[0] for name in suite.WORKLOADS}) == 3


def test_every_kind_of_verdict_is_wanted_often_enough():
    probes, counts = suite.all_probes(), {}
    for step in suite.load_steps():
        for verdict in suite.truth(step, probes):
            counts[verdict] = counts.get(verdict, 0) + 1
    assert min(counts.get(verdict, 0) for verdict in
               ("allowed", "policy-egress-denied", "policy-ingress-denied", "policy-rule-denied")) > 1000, counts
