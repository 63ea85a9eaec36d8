"""What an operator does with policies: apply, get, diff, change, delete."""
import json
import pathlib
import re

import pytest

EXAMPLE = (pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "policies.yaml").read_text()
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: web, namespace: shop }}
spec:
  podSelector: {{ matchLabels: {{ app: web }} }}
  ingress: [{{ ports: [{{ port: http }}, {{ port: {port} }}] }}]
"""
OF_KUBECTL = """apiVersion: v1
kind: List
metadata: { resourceVersion: "" }
items:
- apiVersion: v1
  kind: Namespace
  metadata: { name: late, uid: 6f1c, labels: { kubernetes.io/metadata.name: late, env: prod } }
  spec: { finalizers: [kubernetes] }
  status: { phase: Active }
"""
# What is wrong -> the line of the finding in POLICY's place, words of its message
REFUSED = {
    "  ingress: [{ ports: [{ port: 0 }] }]\n": ["spec.ingress[0].ports[0].port", "found 0"],
    "  ingress: [{ from: [{}] }]\n": ["spec.ingress[0].from[0]", "ipBlock"],
    "  ingres: []\n": ["ingres", "ingress"],
}


@pytest.fixture(scope="module")
def lab(make_lab):
    lab = make_lab()
    for name in ("web", "cache", "db", "resolver"):
        lab.container(name)
    lab.nodes["node-a"].apply(EXAMPLE)
    return lab


@pytest.fixture
def node(lab):
    return lab.nodes["node-a"]


def rows(node, *words):
    """The table without its title, as lists of cells."""
    return [line.split() for line in node.biplane("get", *words).stdout.splitlines()[2:]]


def test_get_shows_each_kind_in_its_columns(node):
    assert ["shop", "tier=application"] in rows(node, "namespaces")
    assert ["shop/web", "app=web", "Ingress,Egress", "1", "2"] in rows(node, "netpol")
    assert ["house-rules", "10", "*", "*", "1", "2"] in rows(node, "biplanepolicy")
    one = json.loads(node.biplane("get", "networkpolicy", "data/db", "-o", "json").stdout)
    assert one["apiVersion"] == "networking.k8s.io/v1"
    assert one["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 5432}]


def test_what_get_writes_apply_takes_back_without_a_change(node):
    text = node.biplane("get", "all", "-o", "yaml").stdout
    assert "kind: NetworkPolicy" in text and "kind: BiplanePolicy" in text and "kind: Namespace" in text
    done = node.biplane("diff", "-f", "-", input=text)
    assert done.returncode == 0 and done.stdout == "nothing changes\n", done.stdout + done.stderr
    as_json = json.dumps({"apiVersion": "v1", "kind": "List", "items": json.loads(node.biplane("get", "-o", "json").stdout)}, indent=1)
    done = node.biplane("diff", "-f", "-", input=as_json)
    assert done.returncode == 0 and done.stdout == "nothing changes\n", done.stdout + done.stderr


def test_a_change_is_named_down_to_the_port(node):
    node.apply(POLICY.format(port=80))
    done = node.biplane("diff", "-f", "-", input=POLICY.format(port=81))
    assert done.returncode == 1 and done.stdout == "~ NetworkPolicy shop/web (spec.ingress[0].ports[1].port: 80 -> 81)\n"


@pytest.mark.parametrize("spec", REFUSED)
def test_a_mistake_has_its_place_and_changes_nothing(node, spec):
    before = node.biplane("get", "-o", "yaml").stdout
    done = node.biplane("apply", "-f", "-", input="apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: x }\nspec:\n" + spec)
    assert done.returncode == 1 and "stdin:5:" in done.stderr, done.stderr
    for word in REFUSED[spec]:
        assert word in done.stderr, done.stderr
    assert node.biplane("get", "-o", "yaml").stdout == before


def test_a_namespace_comes_as_kubectl_prints_it_and_goes_with_workloads_in_it(node):
    node.apply(OF_KUBECTL)
    assert ["late", "env=prod"] in rows(node, "ns")
    for name in ("late", "shop"):
        done = node.biplane("delete", "namespace", name)
        assert done.returncode == 0 and done.stdout == f"removed Namespace {name}\n", done.stderr
    assert "shop/web" in node.biplane("get", "workload").stdout


def test_policies_are_deleted_by_name(node):
    assert node.biplane("delete", "networkpolicy", "shop/cache").returncode == 0
    assert node.biplane("delete", "networkpolicy", "shop/cache").returncode == 1
    assert node.biplane("delete", "biplanepolicy", "house-rules").stdout == "removed BiplanePolicy house-rules\n"
    assert not rows(node, "biplanepolicy")


def test_what_does_not_fit_is_refused_before_anything_is_written(lab):
    node = lab.nodes["node-a"]
    node.apply(EXAMPLE)
    node.apply(policy_with(ports=1))
    before = stored_bytes(node), node.json("status")["store"], node.json("status")["epoch"]
    done = node.biplane("apply", "-f", "-", input=policy_with(ports=1, rules=40_000))
    assert done.returncode == 1
    assert re.search(r"\b4\d{4} policy rules do not fit, the limit is 32767; nothing was changed", done.stderr), done.stderr
    assert (stored_bytes(node), node.json("status")["store"], node.json("status")["epoch"]) == before


def stored_bytes(node):
    """Each file of the store, with the time it was written last."""
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (node.directory / "store").rglob("*") if path.is_file()}


def policy_with(ports, rules=1):
    rule = "{ ports: [" + ", ".join(f"{{ port: {port} }}" for port in range(1, ports + 1)) + "] }"
    return ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: large, namespace: shop }\n"
            "spec:\n  podSelector: {}\n  ingress:\n" + f"  - {rule}\n" * rules)
