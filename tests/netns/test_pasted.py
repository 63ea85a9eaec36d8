"""Each example of docs/documents.md, pasted as it is; and what `get` prints, given back to `apply`."""
import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "documents.md"
EXAMPLES = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in re.findall(r"(?:^    .*\n)+", PAGE.read_text(), re.MULTILINE)]


@pytest.fixture(scope="module")
def lab(make_lab):
    one = make_lab(nodes=("node-a",))
    one.container("web")
    return one


def kind_of(example):
    return re.search(r"^kind: (\w+)", example, re.MULTILINE).group(1)


def test_there_is_one_for_each_kind():
    assert sorted(map(kind_of, EXAMPLES)) == sorted(["VirtualNetwork", "Node", "Namespace", "Workload", "Route", "NetworkPolicy",
                                                     "BiplanePolicy"])


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_an_example_is_taken(lab, example):
    """In the order of the page: what one refers to stands before it."""
    done = lab.nodes["node-a"].biplane("apply", "-f", "-", input=lab.localised(example))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"created {kind_of(example)} "), done.stdout
    assert not done.stderr, done.stderr


@pytest.mark.parametrize("words", [("-o", "json"), ("-o", "yaml"), ("workload", "shop/web", "-o", "json"),
                                   ("netpol", "shop/db", "-o", "yaml")], ids=" ".join)
def test_what_get_prints_goes_back_into_apply(lab, words):
    node = lab.nodes["node-a"]
    printed = node.biplane("get", *words)
    assert printed.returncode == 0, printed.stderr
    done = node.biplane("apply", "-f", "-", input=printed.stdout)
    assert done.returncode == 0 and done.stdout == "nothing changes\n", done.stdout + done.stderr
    assert node.biplane("diff", "-f", "-", input=printed.stdout).returncode == 0


def test_a_node_can_be_made_again_from_what_get_prints(lab):
    node = lab.nodes["node-a"]
    everything = node.biplane("get", "-o", "json").stdout
    assert node.biplane("delete", "-f", "-", input=everything).returncode == 0
    assert node.json("get") == []
    assert node.biplane("apply", "-f", "-", input=everything).returncode == 0
    assert node.biplane("get", "-o", "json").stdout == everything
