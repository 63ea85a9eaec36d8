"""Every YAML file of examples/ is right: a node would take the documents, and the programs the configuration."""
import pathlib
import re

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"
FILES = sorted(EXAMPLES.rglob("*.yaml"))
# What the others of a folder refer to comes first.
FIRST = ["networks.yaml", "nodes.yaml"]


@pytest.fixture(scope="module")
def lab(make_lab):
    return make_lab()


def is_configuration(file):
    return "kind:" not in file.read_text()


@pytest.mark.parametrize("file", [file for file in FILES if not is_configuration(file)], ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_a_node_would_take_the_documents(lab, file):
    texts = [(file.parent / name).read_text() for name in FIRST if (file.parent / name).exists() and name != file.name]
    text = "---\n".join([*texts, file.read_text()])
    for name in set(re.findall(r"netns: ([\w-]+)", text)) - set(lab.containers):
        lab.container(name)
    done = lab.nodes["node-a"].biplane("diff", "-f", "-", input=lab.localised(text))
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


@pytest.mark.parametrize("file", [file for file in FILES if is_configuration(file)], ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_the_programs_take_the_configuration(lab, file):
    """The agent of that configuration does not run: that is all that is wrong."""
    done = lab.nodes["node-a"].run(lab.programs / "biplane", "--config", file, "get", "Node")
    assert done.returncode == 3, done.stderr


def test_there_are_examples():
    assert len(FILES) >= 5
