"""What an operator types: attach, detach, get, diff, delete, flows with filters, routes, trace, status; and their exit codes."""
import json
import subprocess
import time

import pytest
from tenants import NETWORK, WEB, Tenants, documents


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


@pytest.fixture
def node(tenants):
    return tenants.lab.nodes["node-a"]


def answers(container, address=WEB["ipv4"]):
    return "1 received" in container.run("ping", "-n", "-c", "1", "-W", "1", address).stdout


def test_attach_makes_a_workload_and_detach_removes_it(tenants, node):
    container = tenants.lab.container("guest")
    done = node.biplane("attach", "--network", "red", "--address", "10.0.0.50", "--netns", container.netns, "--label", "app=guest", "guest")
    assert done.returncode == 0, done.stderr
    assert answers(container)
    assert answers(tenants["red", "near"], "10.0.0.50")
    done = node.biplane("detach", "guest")
    assert done.returncode == 0, done.stderr
    assert "eth0" not in container.ip("link", "show")
    assert not answers(tenants["red", "near"], "10.0.0.50")


def test_applying_the_same_again_changes_nothing(tenants, node):
    text = tenants.lab.localised(tenants.lab.node_documents() + "---\n" + documents())
    epoch = node.json("status")["epoch"]
    done = node.biplane("apply", "-f", "-", input=text)
    assert done.returncode == 0 and node.json("status")["epoch"] == epoch
    done = node.biplane("diff", "-f", "-", input=text)
    assert done.returncode == 0


def test_diff_says_what_apply_would_change_and_changes_nothing(tenants, node):
    text = NETWORK.format(name="green", vni=300, plane="kernel")
    done = node.biplane("diff", "-f", "-", input=text)
    assert "green" in done.stdout
    assert "green" not in node.biplane("get", "VirtualNetwork").stdout
    assert node.biplane("apply", "-f", "-", input=text).returncode == 0
    assert "green" in node.biplane("get", "VirtualNetwork").stdout
    assert node.biplane("delete", "VirtualNetwork", "green").returncode == 0
    assert "green" not in node.biplane("get", "VirtualNetwork").stdout


def test_a_route_takes_packets_elsewhere(tenants, node):
    route = ("apiVersion: biplane.dev/v1alpha1\nkind: Route\nmetadata: {{ name: {name} }}\n"
             "spec: {{ network: red, destination: {destination}, nextHop: {target} }}\n")
    near = tenants["red", "near"]
    tenants["red", "web"].ip("address", "add", "172.16.0.1/32", "dev", "lo")
    assert not answers(near, "172.16.0.1")
    node.apply(route.format(name="behind-web", destination="172.16.0.0/24", target="{ workload: red/web }"))
    assert answers(near, "172.16.0.1")
    dropped = tenants.port_of("red", "near")["drops"].get("route-discard", 0)
    node.apply(route.format(name="hole", destination="172.16.0.1/32", target="discard"))
    assert not answers(near, "172.16.0.1"), "a change cuts established flows at once"
    assert tenants.port_of("red", "near")["drops"]["route-discard"] > dropped
    for name in ("hole", "behind-web"):
        assert node.biplane("delete", "Route", name).returncode == 0
    assert any(row["network"] == "red" for row in node.json("routes"))


def test_a_network_moves_to_the_other_plane(tenants, node):
    """New flows go where the network says; and back."""
    for plane in ("user", "kernel"):
        tenants.lab.apply(NETWORK.format(name="red", vni=100, plane=plane))
        port = tenants.fresh_port()
        with tenants.tcp_server("red", "web", "ipv4", port), tenants["red", "near"].socket(2, 1) as client:
            client.settimeout(0.9)
            client.connect((WEB["ipv4"], port))
        found = [flow for flow in tenants.flows("node-a", "red") if flow["destinationPort"] == port]
        assert [flow["plane"] for flow in found] == [plane]


def test_flows_are_filtered(tenants, node):
    for tenant in ("red", "blue"):
        assert answers(tenants[tenant, "near"])
    flows = json.loads(node.biplane("flows", "--network", "red", "-o", "json").stdout)
    assert flows and {flow["network"] for flow in flows} == {"red"}
    flows = json.loads(node.biplane("flows", "--plane", "user", "-o", "json").stdout)
    assert flows and {flow["plane"] for flow in flows} == {"user"}


def test_flows_are_watched(tenants, node):
    process = node.start(tenants.lab.programs / "biplane", "--config", node.config, "flows", "--watch", stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    time.sleep(2.5)
    process.terminate()
    text, _ = process.communicate(timeout=5)
    assert text.count("red") >= 2 or text.count("blue") >= 2


@pytest.mark.parametrize("tenant, plane", [("red", "kernel"), ("blue", "user")])
@pytest.mark.parametrize("target, verdict", [("10.0.0.10", "deliver"), ("10.0.0.20", "forward"), ("10.0.0.200", "route-discard")])
def test_trace_says_what_would_happen_and_changes_nothing(tenants, node, tenant, plane, target, verdict):
    received = tenants.port_of(tenant, "near")["received"]
    flows = len(node.json("flows"))
    done = node.biplane("trace", "--from", f"{tenant}/near", "--to", target, "--proto", "tcp", "--dport", "81")
    assert verdict in done.stdout and plane in done.stdout, done.stdout + done.stderr
    assert tenants.port_of(tenant, "near")["received"] == received
    assert len(node.json("flows")) == flows


def test_status_is_ok_and_says_so(node):
    status = node.json("status")
    assert status["level"] == "OK" and not status["problems"], status["problems"]
    assert status["agent"]["running"] and status["userPlane"]["alive"]
    assert node.biplane("status").returncode == 0


@pytest.mark.parametrize("words", [("flows", "--nonsense"), ("nonsense",), ("trace",), ("apply",), ("attach", "--network", "red")])
def test_wrong_usage_has_its_own_exit_code(node, words):
    done = node.biplane(*words)
    assert done.returncode == 2 and done.stderr.strip(), f"exit code {done.returncode}"
