"""What a node stands on: privileges, configuration, interfaces. What is missing is named; what is removed is gone."""
import re

import pytest
from lab import Lab
from tenants import NETWORK, WEB, Tenants


@pytest.fixture
def bare(programs):
    """A lab without daemons."""
    with Lab(programs, start=False) as lab:
        yield lab


def start_refused(node, *wrapper):
    done = node.run(*wrapper, node.lab.programs / "biplaned", "--config", node.config, timeout=15)
    assert done.returncode == 1, f"exit code {done.returncode}: {done.stderr}"
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("capability, word", [("net_admin", "CAP_NET_ADMIN"), ("sys_admin", "CAP_SYS_ADMIN")])
def test_a_missing_privilege_is_named(bare, capability, word):
    assert word in start_refused(bare.nodes["node-a"], "setpriv", f"--bounding-set=-{capability}")


def test_an_unknown_key_of_the_configuration_is_found_at_its_place(bare):
    node = bare.nodes["node-a"]
    node.config.write_text(node.config.read_text() + "flow: 12\n")
    line = len(node.config.read_text().splitlines())
    assert re.search(rf"{node.config}:{line}:1: .*flow", start_refused(node))


def test_a_missing_configuration_is_named(bare):
    node = bare.nodes["node-a"]
    node.config.unlink()
    assert str(node.config) in start_refused(node)


def test_a_missing_bpffs_that_cannot_be_mounted_is_named(bare):
    node = bare.nodes["node-a"]
    node.config.write_text(re.sub(r"(?m)^pins: .*", "pins: /proc/biplane/pins", node.config.read_text()))
    message = start_refused(node)
    assert "/proc/biplane" in message, message


def test_a_missing_fabric_interface_is_a_problem_that_status_names(bare):
    node = bare.nodes["node-a"]
    node.config.write_text(node.config.read_text().replace("fabric0", "fabric7"))
    node.start_agent()
    status = node.json("status")
    assert status["level"] == "ERR" and any("fabric7" in problem for problem in status["problems"])
    assert node.biplane("status").returncode == 1


def test_a_missing_user_plane_is_a_problem_once_a_network_lives_there(bare):
    node = bare.nodes["node-a"]
    node.start_agent()
    assert node.json("status")["level"] == "OK"
    node.apply(NETWORK.format(name="blue", vni=200, plane="user"))
    status = node.json("status")
    assert status["level"] != "OK" and any("user plane" in problem for problem in status["problems"])


def test_removal_leaves_nothing(programs):
    with Lab(programs) as lab:
        tenants, node = Tenants(lab), lab.nodes["node-a"]
        for process in (node.user_plane, node.agent):
            process.terminate()
            assert process.wait(10) == 0
        assert "1 received" in tenants["red", "near"].run("ping", "-n", "-c", "1", "-W", "1", WEB["ipv4"]).stdout
        done = node.run(lab.programs / "biplaned", "--config", node.config, "--remove", timeout=15)
        assert done.returncode == 0, done.stderr
        assert not (lab.directory / "bpf" / "node-a").exists()
        links = node.ip("-o", "link", "show")
        assert "bp-" not in links and "biplane" not in links, links
        assert "eth0" not in tenants["red", "near"].ip("-o", "link", "show")
        assert "xdp" not in links
        node.start_agent()
        assert node.json("status")["agent"]["adopted"] is False
