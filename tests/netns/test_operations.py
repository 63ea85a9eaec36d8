"""What an operator types: attach, detach, get, diff, delete, flows with filters, routes, trace, status; and their exit codes."""
import json
import re
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


def attach(node, container, *words, address="10.0.0.50"):
    return node.biplane("attach", "--network", "red", "--netns", container.netns, "--address", address, *words)


def test_a_name_behind_an_address_is_the_name(tenants, node):
    container = tenants.lab.container("behind")
    done = attach(node, container, "behind/it", address="10.0.0.51,fd00:a::51")
    assert done.returncode == 0 and done.stdout == "attached Workload behind/it\n", done.stdout + done.stderr
    assert json.loads(node.biplane("get", "workload", "behind/it", "-o", "json").stdout)["spec"]["addresses"] == ["10.0.0.51", "fd00:a::51"]
    assert node.biplane("detach", "behind/it").returncode == 0


def test_a_workload_that_lives_elsewhere_is_not_attached_here_unless_told_to(tenants, node):
    first, second = tenants.lab.container("first"), tenants.lab.container("second")
    assert attach(node, first, "mover").returncode == 0
    assert attach(node, first, "--label", "app=mover", "mover").returncode == 0, "in its place it may change"
    done = attach(node, second, "mover")
    assert done.returncode == 1 and "node node-a in network namespace" in done.stderr and "--replace" in done.stderr, done.stderr
    assert answers(first) and "eth0" not in second.ip("link", "show")
    elsewhere = attach(node, second, "red/far", address="10.0.0.52")
    assert elsewhere.returncode == 1 and "on node node-b" in elsewhere.stderr, elsewhere.stderr
    assert attach(node, second, "--replace", "mover").returncode == 0
    assert answers(second) and "eth0" not in first.ip("link", "show")
    assert node.biplane("detach", "mover").returncode == 0


@pytest.mark.parametrize("words, code, said", [
    (["--network", "red", "--address", "10.0.0.300", "--netns", "red-web", "odd"], 2, "--address: found \"10.0.0.300\""),
    (["--network", "red", "--address", "10.0.0.77", "--netns", "red-web", "Odd"], 2, "NAME: found \"Odd\""),
    (["--network", "red", "--address", "10.0.0.77", "--netns", "red-web", "--label", "a", "odd"], 2, "--label \"a\": expected KEY=VALUE"),
    (["--network", "red", "--address", "10.0.0.77", "--netns", "red-web", "--label", b"a=\xff", "odd"], 2, "--label: found"),
    (["--network", "rad", "--address", "10.0.0.77", "--netns", "red-web", "odd"], 1, "--network: there is no VirtualNetwork \"rad\""),
    (["--network", "red", "--address", "10.9.0.77", "--netns", "red-web", "odd"], 1, "--address: 10.9.0.77 lies outside"),
    (["--network", "red", "--address", "10.0.0.10", "--netns", "red-web", "odd"], 1, "--address: 10.0.0.10 is already used"),
    (["--network", "red", "--address", "10.0.0.77", "--netns", "not-there", "odd"], 1, "--netns: "),
])
def test_what_attach_refuses_is_said_in_words_of_its_options(tenants, node, words, code, said):
    """The user wrote no document: nothing is said of one, or of a place in it."""
    command = node.inside(tenants.lab.programs / "biplane", "--config", node.config, "attach") + words
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code and said in done.stderr, f"{done.returncode}: {done.stderr}"
    assert not re.search(r":\d+:\d+:|spec\.|metadata\.", done.stderr), done.stderr


def test_what_is_not_there_is_an_error(tenants, node):
    for words in (("flows", "--network", "nope"), ("ports", "--network", "nope"), ("routes", "--network", "nope"),
                  ("get", "workload", "nope"), ("detach", "nope"), ("trace", "--from", "nope", "--to", WEB["ipv4"]),
                  ("policy", "explain", "nope", "red/web", "tcp/80"), ("delete", "network", "nope")):
        done = node.biplane(*words)
        assert done.returncode == 1 and "nope" in done.stderr and not done.stdout, f"{words}: {done.returncode}: {done.stderr}"
    done = node.biplane("flows", "--network", "nope")
    assert "there is blue and red" in done.stderr
    assert "there is blue/near and red/near" in node.biplane("trace", "--from", "near", "--to", WEB["ipv4"]).stderr


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
    assert done.returncode == 1 and "green" in done.stdout
    assert node.biplane("diff", "-f", "-", input=text.replace("300", "many")).returncode == 2
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
