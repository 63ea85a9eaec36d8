"""Malformed documents: each is refused with file:line:column and its own message, and changes nothing."""
import re
import time

import pytest
from tenants import NETWORK, WEB, Tenants

HEAD = "apiVersion: biplane.dev/v1alpha1\n"


def network(spec, name="green"):
    return f"{HEAD}kind: VirtualNetwork\nmetadata: {{ name: {name} }}\nspec:\n{spec}"


def workload(spec, name="new"):
    return f"{HEAD}kind: Workload\nmetadata: {{ name: {name}, namespace: red }}\nspec:\n{spec}"


GOOD_NETWORK = NETWORK.format(name="green", vni=300, plane="kernel")

# What is wrong -> (documents, line of the finding, words the message must contain)
MALFORMED = {
    "no YAML": ("kind: [VirtualNetwork\n", None, []),
    "a tab": ("kind:\tVirtualNetwork\n\tmetadata: {}\n", None, []),
    "not a map": ("- a\n- b\n", 1, ["[0]", "expected"]),
    "no apiVersion": ("kind: Node\nmetadata: { name: nn }\nspec: { address: 192.0.2.9 }\n", 1, ["apiVersion"]),
    "another apiVersion": ("apiVersion: v1\nkind: Node\nmetadata: { name: nn }\nspec: { address: 192.0.2.9 }\n", 1, ["apiVersion", "v1"]),
    "unknown kind": (HEAD + "kind: Nod\nmetadata: { name: nn }\nspec: {}\n", 2, ["Nod", "Node"]),
    "unknown key": (network("  vni: 300\n  subnets: [10.0.0.0/24]\n  plan: user\n"), 7, ["plan"]),
    "unknown key in metadata": (HEAD + "kind: Node\nmetadata:\n  name: nn\n  lable: {}\nspec: { address: 192.0.2.9 }\n", 5, ["lable"]),
    "missing key": (network("  subnets: [10.0.0.0/24]\n"), 4, ["vni"]),
    "wrong type": (network("  vni: many\n  subnets: [10.0.0.0/24]\n"), 5, ["vni", "many"]),
    "out of range": (network("  vni: 16777216\n  subnets: [10.0.0.0/24]\n"), 5, ["vni", "16777216"]),
    "no plane": (network("  vni: 300\n  subnets: [10.0.0.0/24]\n  plane: users\n"), 7, ["plane", "users", "kernel"]),
    "no address": (network("  vni: 300\n  subnets: [10.0.0.0/33]\n"), 6, ["10.0.0.0/33"]),
    "host bits": (network("  vni: 300\n  subnets: [10.0.0.1/24]\n"), 6, ["10.0.0.1/24"]),
    "a key twice": (network("  vni: 300\n  vni: 301\n  subnets: [10.0.0.0/24]\n"), 6, ["vni"]),
    "duplicate name": (GOOD_NETWORK + "---\n" + GOOD_NETWORK, None, ["green"]),
    "duplicate VNI": (network("  vni: 100\n  subnets: [10.0.0.0/24]\n"), 5, ["100", "red"]),
    "overlapping subnets": (network("  vni: 300\n  subnets: [10.0.0.0/16, 10.0.5.0/24]\n"), 6, ["10.0.5.0/24", "10.0.0.0/16", "overlap"]),
    "address outside its subnet": (workload("  network: red\n  node: node-a\n  addresses: [10.9.0.1]\n"), 7, ["10.9.0.1", "outside"]),
    "address in use": (workload("  network: red\n  node: node-a\n  addresses: [10.0.0.10]\n"), 7, ["10.0.0.10", "red/web"]),
    "unknown network": (workload("  network: rod\n  node: node-a\n  addresses: [10.0.0.77]\n"), 5, ["rod"]),
    "unknown node": (workload("  network: red\n  node: node-z\n  addresses: [10.0.0.77]\n"), 6, ["node-z"]),
    "taken interface name": (workload("  network: red\n  node: node-a\n  addresses: [10.0.0.77]\n  netns: red-web\n"), None,
                             ["eth0", "red/web"]),
    "bad name": (network("  vni: 300\n  subnets: [10.0.0.0/24]\n", name="Green_1"), 3, ["Green_1"]),
    "no UTF-8": (GOOD_NETWORK + "# caf\udce9\n", 5, ["0xe9", "UTF-8"]),
    "a number for a name": (network("  vni: 300\n  subnets: [10.0.0.0/24]\n", name="123"), 3, ["123", '"123"']),
    "a text for a number": (network("  vni: '300'\n  subnets: [10.0.0.0/24]\n"), 5, ["300", "quotes"]),
    "a boolean for a label": (workload("  network: red\n").replace("namespace: red", "namespace: red, labels: { a: yes }"), 3, ["yes", "text"]),
    "a bomb": ("a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(9)), None,
               ["anchors and aliases"]),
    "nested too deep": ("[" * 101 + "]" * 101, 1, ["nested", "100"]),
    "no document": ("# nothing\n", None, ["no document"]),
    "the second of two": (GOOD_NETWORK + "---\n" + HEAD + "kind: Node\nmetadata: { name: nn }\nspec: { address: 192.0.2.9, adress: 192.0.2.10 }\n", 9, ["adress"]),
}


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


def state(node):
    return node.biplane("get", "VirtualNetwork").stdout, node.biplane("get", "Workload").stdout, \
        node.biplane("get", "Node").stdout, node.json("status")["epoch"]


def refused(tenants, text, name="documents.yaml"):
    """Applies the text from a file on node-a, which must fail and change nothing; returns the message, the line, the column."""
    node = tenants.lab.nodes["node-a"]
    before = state(node)
    file = tenants.lab.directory / name
    file.write_bytes(tenants.lab.localised(text).encode("utf-8", "surrogateescape"))
    done = node.biplane("apply", "-f", file)
    assert done.returncode == 1, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
    assert state(node) == before
    found = re.search(rf"{re.escape(str(file))}(?::(\d+):(\d+))?: (.+)", done.stderr)
    assert found, f"no file:line:column in: {done.stderr}"
    return found.group(3), int(found.group(1) or 1), int(found.group(2) or 1)


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_document_is_refused(tenants, what):
    text, wanted_line, words = MALFORMED[what]
    message, line, column = refused(tenants, text)
    assert column >= 1 and (wanted_line is None or line == wanted_line), f"line {line}: {message}"
    for word in words:
        assert word in message, message


def test_each_mistake_has_its_own_message(tenants):
    messages = {}
    for what, (text, _, _) in MALFORMED.items():
        messages.setdefault(refused(tenants, text)[0], []).append(what)
    assert not {message: names for message, names in messages.items() if len(names) > 1}


def test_the_same_object_in_two_files_is_refused_and_both_places_are_named(tenants):
    node = tenants.lab.nodes["node-a"]
    files = [tenants.lab.directory / name for name in ("one.yaml", "two.yaml")]
    files[0].write_text(GOOD_NETWORK)
    files[1].write_text("# a comment\n" + GOOD_NETWORK)
    done = node.biplane("apply", "-f", files[0], "-f", files[1])
    assert done.returncode == 1, done.stderr
    assert f"{files[1]}:2:1: " in done.stderr and f"{files[0]}:1:1" in done.stderr, done.stderr


def missing_namespace(tenants):
    return workload("  network: red\n  node: node-a\n  addresses: [10.0.0.77]\n  netns: /run/netns/not-there\n")


def test_a_missing_namespace_is_named(tenants):
    node = tenants.lab.nodes["node-a"]
    before = state(node)
    done = node.biplane("apply", "-f", "-", input=missing_namespace(tenants))
    assert done.returncode == 1 and "not-there" in done.stderr, done.stderr
    assert state(node)[:3] == before[:3]


def test_an_interface_name_that_is_taken_by_somebody_else_is_named(tenants):
    container = tenants.lab.container("occupied")
    container.ip("link", "add", "eth0", "type", "veth", "peer", "name", "other")
    node = tenants.lab.nodes["node-a"]
    before = state(node)
    done = node.biplane("apply", "-f", "-", input=tenants.lab.localised(
        workload("  network: red\n  node: node-a\n  addresses: [10.0.0.77]\n  netns: occupied\n")))
    assert done.returncode == 1 and "eth0" in done.stderr, done.stderr
    assert state(node)[:3] == before[:3]
    assert "other" in container.ip("link", "show", "eth0")


def test_a_missing_file_is_named(tenants):
    done = tenants.lab.nodes["node-a"].biplane("apply", "-f", "/nowhere/documents.yaml")
    assert done.returncode == 1 and "/nowhere/documents.yaml" in done.stderr


def test_a_network_in_use_is_not_deleted(tenants):
    done = tenants.lab.nodes["node-a"].biplane("delete", "VirtualNetwork", "red")
    assert done.returncode == 1 and "red" in done.stderr
    assert "red" in tenants.lab.nodes["node-a"].biplane("get", "VirtualNetwork").stdout


def test_the_traffic_did_not_notice(tenants):
    for tenant in ("red", "blue"):
        assert "1 received" in tenants[tenant, "far"].run("ping", "-n", "-c", "1", "-W", "1", WEB["ipv4"]).stdout


def test_a_refused_stream_takes_no_time_to_undo(tenants):
    """Nothing of a stream is put into force before all of it is known to be right: a good workload before a bad one is not made."""
    container = tenants.lab.container("early")
    good = workload("  network: red\n  node: node-a\n  addresses: [10.0.0.78]\n  netns: early\n", name="early")
    refused(tenants, good + "---\n" + missing_namespace(tenants).replace("/run/netns/not-there", "red-web"))
    time.sleep(0.1)
    assert "eth0" not in container.ip("link", "show")
