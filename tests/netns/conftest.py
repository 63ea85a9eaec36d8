"""Fixtures of the live tests. Each needs root, and the programs (environment BIPLANE_PROGRAMS, by default build/dev/bin)."""
import os
import pathlib

import pytest

import lab as laboratory

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = pathlib.Path(os.environ.get("BIPLANE_PROGRAMS", ROOT / "build" / "dev" / "bin"))


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("the live tests make network namespaces and load BPF programs: run them as root (sudo make test)", 1)


@pytest.fixture(scope="session")
def programs():
    return PROGRAMS


@pytest.fixture(scope="module")
def make_lab():
    """make_lab(**how) -> a running Lab; it goes with the module, also after a failure."""
    made = []

    def make(**how):
        lab = laboratory.Lab(PROGRAMS, **how)
        made.append(lab)
        lab.__enter__()
        return lab

    yield make
    for lab in reversed(made):
        lab.__exit__()


@pytest.fixture(autouse=True)
def law_of_counting(request):
    """After each test: received = forwarded + delivered + punted + dropped, on each port of each node, in each plane."""
    yield
    for name in ("lab", "tenants"):
        if name in request.fixturenames:
            value = request.getfixturevalue(name)
            nodes = getattr(value, "lab", value).nodes.values()
            wrong = [line for node in nodes for line in node.law_violations()]
            assert not wrong, "the law of counting is broken:\n" + "\n".join(wrong)
