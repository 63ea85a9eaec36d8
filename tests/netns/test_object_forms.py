"""The programs come in two forms, and in files that may be others than they should be. A kernel that refuses the faster form gets the
other one, and the node says so; a file that is not what this Biplane was built with is refused before any packet meets it."""
import shutil

import pytest
from bpf_object import FORM, IDENTITY, LAYOUT_SIZES, LAYOUT_VERSION, VERSION, BpfObject
from lab import Lab
from tenants import PLANE, WEB, Tenants
from test_ground import start_refused

DIRECT, LOOKUP = "biplane.bpf.o", "biplane-lookup.bpf.o"


@pytest.fixture
def installation(programs, tmp_path):
    """An installation of its own, to be damaged."""
    for name in ("biplaned", "biplane", "biplane-userplane", DIRECT, LOOKUP):
        shutil.copy(programs / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def bare(installation):
    with Lab(installation, start=False) as lab:
        yield lab


def warnings_about_look_ups(node):
    status = node.json("status")
    return status["kernelPlane"]["tables"], [text for text in status["problems"] if text.startswith("WARN") and "look" in text]


def test_a_kernel_that_refuses_the_direct_form_gets_the_look_up_form_and_the_node_says_so(installation):
    BpfObject(installation / DIRECT).make_refused()
    with Lab(installation) as lab:
        tenants = Tenants(lab)
        for tenant in PLANE:
            for client in ("near", "far"):
                for address in WEB.values():
                    done = tenants[tenant, client].run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "5", address)
                    assert "3 received" in done.stdout, f"{tenant}-{client} to {address}: {done.stdout}"
        for node in lab.nodes.values():
            form, warnings = warnings_about_look_ups(node)
            assert form == "lookup" and len(warnings) == 1 and "R9 !read_ok" in warnings[0], warnings
            log = node.log_file("biplaned").read_text()
            assert "R9 !read_ok" in log and f"loaded {installation / LOOKUP} instead" in log
            assert node.law_violations() == []


def test_an_agent_that_starts_again_takes_over_the_look_up_form_and_still_says_so(installation):
    BpfObject(installation / DIRECT).make_refused()
    with Lab(installation, nodes=("node-a",)) as lab:
        node = lab.nodes["node-a"]
        node.agent.terminate()
        node.agent.wait(10)
        node.start_agent()
        form, warnings = warnings_about_look_ups(node)
        assert form == "lookup" and len(warnings) == 1, node.json("status")
        assert node.json("status")["agent"]["adopted"] is True


def test_programs_that_the_kernel_refuses_do_not_take_the_place_of_running_ones(installation):
    with Lab(installation, nodes=("node-a",)) as lab:
        node = lab.nodes["node-a"]
        assert warnings_about_look_ups(node) == ("direct", [])
        node.agent.terminate()
        node.agent.wait(10)
        shutil.copy(installation / DIRECT, installation / "whole")
        BpfObject(installation / DIRECT).make_refused()
        done = node.run(installation / "biplaned", "--config", node.config)
        assert done.returncode == 1 and "the running ones, which go on" in done.stderr and "R9 !read_ok" in done.stderr, done.stderr
        shutil.move(installation / "whole", installation / DIRECT)
        node.start_agent()
        assert node.json("status")["agent"]["adopted"] is True


def test_the_other_form_in_the_place_of_an_object_is_refused(installation, bare):
    shutil.copy(installation / LOOKUP, installation / DIRECT)
    message = start_refused(bare.nodes["node-a"])
    assert f"{installation / DIRECT} holds the programs in their look-up form; here belong those of the direct form" in message


@pytest.mark.parametrize("offset, new, words", [
    pytest.param(LAYOUT_VERSION, (77).to_bytes(4, "little"), "with tables of layout 77, this program is of", id="layout_version"),
    pytest.param(LAYOUT_SIZES, bytes(4), "built from other sources", id="sizes"),
    pytest.param(VERSION, b"9.8.7\0", "is of Biplane 9.8.7", id="version"),
    pytest.param(FORM, bytes(4), "here belong those of the direct form", id="form"),
    pytest.param(0, bytes(8), "is no object of Biplane", id="magic"),
])
def test_an_object_of_another_build_is_refused(installation, bare, offset, new, words):
    BpfObject(installation / DIRECT).write(IDENTITY, offset, new)
    message = start_refused(bare.nodes["node-a"])
    assert str(installation / DIRECT) in message and words in message


def test_the_look_up_form_of_another_build_is_refused_when_its_turn_comes(installation, bare):
    BpfObject(installation / DIRECT).make_refused()
    BpfObject(installation / LOOKUP).write(IDENTITY, LAYOUT_VERSION, (77).to_bytes(4, "little"))
    message = start_refused(bare.nodes["node-a"])
    assert str(installation / LOOKUP) in message and "layout 77" in message


def test_a_file_that_is_no_object_is_refused(installation, bare):
    (installation / DIRECT).write_text("no program\n")
    assert f"{installation / DIRECT} is no BPF object" in start_refused(bare.nodes["node-a"])
