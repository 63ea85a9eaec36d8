"""Every YAML file of examples/ is right: a node would take the documents, and the programs the configuration."""
import pathlib
import re

import pytest
import yaml

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
    assert done.returncode == 1 and done.stdout.strip() and not done.stderr, done.stderr


@pytest.mark.parametrize("file", [file for file in FILES if is_configuration(file)], ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_the_programs_take_the_configuration(lab, file):
    """The agent of that configuration does not run: that is all that is wrong. Its directories are the lab's, not the machine's."""
    configuration = yaml.safe_load(file.read_text())
    places = {key: str(lab.directory / "example" / key) for key in ("runDirectory", "storeDirectory", "pins")}
    copy = lab.directory / file.name
    copy.write_text(yaml.safe_dump({**configuration, **places}))
    done = lab.nodes["node-a"].run(lab.programs / "biplane", "--config", copy, "get", "Node")
    assert done.returncode == 3 and places["runDirectory"] in done.stderr, done.stderr


@pytest.mark.parametrize("file", [file for file in FILES if is_configuration(file)], ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_the_directories_of_the_configuration_are_the_default_ones(file):
    named = yaml.safe_load(file.read_text())
    for key, place in (("runDirectory", "/run/biplane"), ("storeDirectory", "/var/lib/biplane"), ("pins", "/sys/fs/bpf/biplane")):
        assert named.get(key, place) == place


def test_there_are_examples():
    assert len(FILES) >= 5
