"""A Biplane that did not do what is measured fails the run. No traffic."""
import types

import pytest
from contenders import flows
from devices.biplane import Biplane
from lab import LabError


def node(traffic, *created, upcalls=0):
    """A device whose port says, one time after the other, that so many flows were made."""
    device = Biplane(types.SimpleNamespace(containers={}), None, traffic)
    readings = iter(created)
    device._ingress = lambda: {"flowsCreated": next(readings), "upcalls": upcalls}
    device.drops = dict
    return device


def test_flows_that_were_not_made_are_not_established():
    with pytest.raises(LabError, match="of 1000 flows it made only 900"):
        node(flows(1000), 900).check_established()
    node(flows(1000), 1000).check_established()


def test_established_flows_that_are_made_anew_were_not_kept():
    device = node(flows(1000), 1000, 1000, 1500)
    device.check_established()
    device.check(1000)
    with pytest.raises(LabError, match="of established flows 500 made one: it had not kept them"):
        device.check(1000)


def test_each_frame_of_new_flows_has_to_make_one():
    node(flows(0), 990).check(1000)
    with pytest.raises(LabError, match="of 1000 frames, each a new flow, only 900 made one"):
        node(flows(0), 900).check(1000)


def test_an_upcall_fails_the_run():
    with pytest.raises(LabError, match="upcalls counted"):
        node(flows(1000), 0, upcalls=1).check(1000)
