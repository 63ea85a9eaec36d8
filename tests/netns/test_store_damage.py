"""A store that was damaged is refused or is exactly what was committed, with a real agent: what policies closed stays closed either way.

BIPLANE_DAMAGES says how many random damages (make soak: 500); BIPLANE_DAMAGE_SEED repeats a run.
"""
import http.client
import os
import random
import re
import shutil
import signal
import threading
import time

import pytest
from lab import LabError, checked
from test_commits import Api

DAMAGES = int(os.environ.get("BIPLANE_DAMAGES", "20"))
SEED = int(os.environ.get("BIPLANE_DAMAGE_SEED", random.randrange(1 << 32)))
WITHOUT_TABLES = 5  # every so many damages are found after a reboot: no tables are in force then

GROUND = """apiVersion: biplane.dev/v1alpha1
kind: VirtualNetwork
metadata: { name: red }
spec: { vni: 100, subnets: [10.0.0.0/24] }
---
apiVersion: biplane.dev/v1alpha1
kind: Node
metadata: { name: node-a }
spec: { address: 192.0.2.1 }
"""
WORKLOAD = """apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: {{ name: {name}, namespace: shop, labels: {{ app: {name} }} }}
spec: {{ network: red, node: node-a, addresses: [10.0.0.{host}], netns: {name} }}
"""
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: {name}, namespace: shop }}
spec:
  podSelector: {{ matchLabels: {{ app: web }} }}
  ingress: [{rule}]
"""
OPEN = POLICY.format(name="open", rule="{}")
CLOSED = POLICY.format(name="closed", rule="{ from: [{ podSelector: { matchLabels: { app: friend } } }] }")
WORKLOADS = {"web": 10, "friend": 11, "stranger": 12}


class Scene:
    """A node with three workloads: `friend` reaches `web`, and `stranger` did until the last change but one."""

    def __init__(self, lab):
        self.lab, self.node = lab, lab.nodes["node-a"]
        self.store = self.node.directory / "store"
        self.copies = []  # of the store, one after each change
        for name in WORKLOADS:
            lab.container(name)
        self.change(GROUND)
        for name, host in WORKLOADS.items():
            self.change(WORKLOAD.format(name=name, host=host))
        self.change(OPEN)
        (self.store / "documents" / "head").unlink()  # so that there are two generations
        (self.store / "numbering" / "head").unlink()
        self.wait(lambda: (self.store / "documents" / "2.journal").exists() and (self.store / "numbering" / "2.journal").exists())
        self.change(CLOSED)
        self.node.biplane("delete", "networkpolicy", "shop/open")
        self.keep_copy()
        self.change(POLICY.format(name="also-closed", rule="{ from: [{ podSelector: { matchLabels: { app: friend } } }] }"))
        self.documents = self.stored()
        self.revision = self.node.json("status")["store"]["committed"]

    @staticmethod
    def wait(condition, seconds=10):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)

    def change(self, text):
        self.node.apply(text)
        self.keep_copy()

    def keep_copy(self):
        self.copies.append(self.node.directory / f"copy-{len(self.copies)}")
        shutil.copytree(self.store, self.copies[-1])

    def stored(self):
        return self.node.biplane("get", "-o", "yaml").stdout

    def stop(self):
        if self.node.agent.poll() is None:
            self.node.agent.kill()
        self.node.agent.wait(10)

    def start(self):
        """None if the agent starts, else what it said."""
        log = self.node.log_file("biplaned")
        begin = log.stat().st_size
        try:
            self.node.start_agent()
        except LabError as error:
            assert "ended with exit code 1" in str(error), error
            return log.read_bytes()[begin:].decode(errors="replace")
        return None

    def put_back(self):
        """The store as it was after the last change."""
        if self.store.is_dir() and not self.store.is_symlink():
            shutil.rmtree(self.store)
        elif self.store.exists() or self.store.is_symlink():
            self.store.unlink()
        shutil.copytree(self.copies[-1], self.store)

    def begin_again(self):
        """As after a reboot: nothing is in force, and the store is as it was after the last change."""
        self.stop()
        done = self.node.run(self.lab.programs / "biplaned", "--config", self.node.config, "--remove")
        assert done.returncode == 0, done.stderr
        self.put_back()

    def reaches(self, name):
        return "1 received" in self.lab.containers[name].run("ping", "-n", "-c", "1", "-W", "0.3", "10.0.0.10").stdout

    def problems(self):
        return "; ".join(self.node.json("status")["problems"])


@pytest.fixture(scope="module")
def scene(make_lab):
    return Scene(make_lab(nodes=("node-a",), settings={"userPlane": False}))


@pytest.fixture
def node(scene):
    """Running, with the store as it was after the last change."""
    if scene.node.agent.poll() is not None or scene.stored() != scene.documents:
        scene.begin_again()
        assert scene.start() is None
    return scene.node


# --- damages: each takes the scene and a generator, does something to the store, and says what ---

def files_of(scene):
    return sorted(path for path in scene.store.rglob("*") if path.is_file())


def flip_bits(scene, generator):
    path = generator.choice(files_of(scene))
    data = bytearray(path.read_bytes())
    written = len(data.rstrip(b"\0")) + 64
    for _ in range(generator.choice((1, 1, 1, 5))):
        data[generator.randrange(min(written, len(data)))] ^= 1 << generator.randrange(8)
    path.write_bytes(data)
    return f"bits of {path.name} flipped"


def cut(scene, generator):
    path = generator.choice(files_of(scene))
    data = path.read_bytes()
    # Also where a record ends: there nothing looks torn.
    ends = [found.end() for found in re.finditer(rb"# (confirmed|end) [^\n]*\n|(?<=\n)(?=# commit )", data)]
    length = generator.choice(ends) if ends and generator.random() < 0.5 else generator.randrange(len(data.rstrip(b"\0")) + 1)
    os.truncate(path, length)
    if generator.random() < 0.3:
        os.truncate(path, len(data))
    return f"{path.name} cut to {length}"


def take_an_older_file(scene, generator):
    copy = generator.choice(scene.copies[:-1])
    path = generator.choice(sorted(path for path in copy.rglob("*") if path.is_file()))
    shutil.copy(path, scene.store / path.relative_to(copy))
    return f"{path.name} as in {copy.name}"


def take_an_older_store(scene, generator):
    copy = generator.choice(scene.copies[:-1])
    which = generator.choice(("documents", "numbering", "."))
    shutil.rmtree(scene.store / which if which != "." else scene.store)
    shutil.copytree(copy / which, scene.store / which)
    return f"{which} as in {copy.name}"


def remove(scene, generator):
    path = generator.choice([*files_of(scene), scene.store / "documents", scene.store / "numbering", scene.store])
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return f"{path.name} removed"


def put_something_else(scene, generator):
    path = generator.choice(files_of(scene))
    what = generator.choice(("empty", "directory", "link", "FIFO"))
    good = scene.copies[-1] / path.relative_to(scene.store)
    path.unlink()
    {"empty": path.touch, "directory": path.mkdir, "link": lambda: path.symlink_to(good), "FIFO": lambda: os.mkfifo(path)}[what]()
    return f"{path.name} is {what}"


def swap(scene, generator):
    one, other = generator.sample(files_of(scene), 2)
    text = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(text)
    return f"{one.name} and {other.name} swapped"


def give_away(scene, generator):
    path = generator.choice([*files_of(scene), scene.store / "documents", scene.store])
    if generator.random() < 0.5:
        os.chown(path, 65534, 65534)
        return f"{path.name} belongs to another user"
    os.chmod(path, 0o777)
    return f"{path.name} may be written by all"


def overwrite(scene, generator):
    path = generator.choice(files_of(scene))
    data = bytearray(path.read_bytes())
    begin, source, length = generator.randrange(len(data)), generator.randrange(len(data)), generator.randrange(1, 400)
    data[begin:begin + generator.choice((0, length))] = generator.choice((data[source:source + length], bytes(length), b""))
    path.write_bytes(data)
    return f"{path.name} overwritten at {begin}"


DAMAGE = (flip_bits, cut, take_an_older_file, take_an_older_store, remove, put_something_else, swap, give_away, overwrite)


def test_a_damaged_store_is_refused_or_is_what_was_committed(scene):
    generator = random.Random(SEED)
    print(f"seed {SEED}")
    refused = used = 0
    for number in range(DAMAGES):
        scene.stop()
        scene.put_back()
        has_tables = number % WITHOUT_TABLES != 0
        if not has_tables:
            scene.begin_again()
        damage = DAMAGE[number % len(DAMAGE)]
        if not has_tables and damage in (take_an_older_store, remove):
            damage = cut  # without tables nothing tells an older store, restored as a whole, from the newest
        what = f"seed {SEED}, number {number}, {'' if has_tables else 'no '}tables in force: {damage(scene, generator)}"
        said = scene.start()
        if said is None:
            used += 1
            assert scene.stored() == scene.documents, what
            assert scene.node.json("status")["store"]["committed"] == scene.revision, what
        else:
            refused += 1
            assert re.search(r"biplaned: \S", said), f"{what}: {said}"
        if said is None or has_tables:
            assert scene.reaches("friend"), what
        assert not scene.reaches("stranger"), f"{what}: what was closed is open"
        if said is not None and not has_tables:
            scene.put_back()
            assert scene.start() is None, what
    print(f"{refused} refused, {used} used as they were committed")
    assert refused >= DAMAGES / 2 and used > 0


def test_documents_are_salvaged_and_restored_without_touching_the_datapath(scene, node):
    scene.stop()
    journal = scene.store / "documents" / "2.journal"
    os.truncate(journal, journal.read_bytes().rfind(b"# commit"))  # where a record ends
    said = scene.start()
    assert "was shortened" in said and "biplaned --salvage-documents" in said, said
    command = [scene.lab.programs / "biplaned", "--config", node.config]
    done = node.run(*command, "--salvage-documents")
    assert done.returncode == 0 and "name: closed" in done.stdout and "name: also-closed" not in done.stdout, done.stderr
    status = node.biplane("status")
    assert status.returncode == 3 and "was shortened" in status.stdout
    done = node.run(*command, "--restore-documents", "-", input=scene.documents)
    assert done.returncode == 0, done.stderr
    assert not scene.reaches("stranger")
    assert scene.start() is None
    assert scene.stored() == scene.documents and node.json("status")["agent"]["adopted"]
    assert scene.reaches("friend") and not scene.reaches("stranger")


def test_a_second_agent_with_the_same_store_is_refused(scene, node):
    other = node.directory / "other.yaml"
    other.write_text(re.sub(r"(?m)^(runDirectory|pins): (.*)", r"\1: \2-other", node.config.read_text()))
    done = node.run(scene.lab.programs / "biplaned", "--config", other, timeout=20)
    assert done.returncode == 1
    assert re.search(rf"another agent uses this store: .*held by another process, pid {node.agent.pid}", done.stderr), done.stderr


def test_a_run_directory_that_others_may_write_is_refused(scene, node):
    scene.stop()
    run = node.directory / "run"
    os.chmod(run, 0o777)
    assert f"{run} may not be used: its mode is 0777" in scene.start()
    os.chmod(run, 0o700)
    assert scene.start() is None


def test_each_change_is_in_the_log_with_who_made_it(scene, node):
    log = node.log_file("biplaned")
    begin = log.stat().st_size
    label = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { env: test } }\n"
    node.apply(label)
    assert node.biplane("apply", "--dry-run", "-f", "-", input=label.replace("test", "dry")).returncode == 0
    revision = node.json("status")["store"]
    assert revision["committed"] == revision["inForce"]
    assert node.biplane("delete", "namespace", "shop").returncode == 0
    lines = re.findall(r"audit: (.*)", log.read_bytes()[begin:].decode())
    assert len(lines) == 2, lines
    assert re.fullmatch(rf'revision {revision["committed"]} by uid 0, pid \d+ \("biplane"\): create Namespace shop', lines[0])
    assert re.fullmatch(rf'revision {revision["committed"] + 1} by uid 0, pid \d+ \("biplane"\): remove Namespace shop', lines[1])


# --- the disk ---

def wait_for_level(scene, level, word, seconds=3):
    scene.wait(lambda: scene.node.json("status")["level"] == level and word in scene.problems(), seconds)


def refuse_change_and_keep(scene):
    """A change is refused, and what was in force stays, also over a restart."""
    node = scene.node
    done = node.biplane("apply", "-f", "-", input=OPEN)
    assert done.returncode == 1 and "nothing was changed" in done.stderr, (done.stdout, done.stderr)
    assert not scene.reaches("stranger") and scene.stored() == scene.documents
    status = node.json("status")["store"]
    assert status["committed"] == status["inForce"]


@pytest.fixture
def small_disk(scene, node):
    """The store lies on a disk of its own."""
    scene.begin_again()
    aside = scene.node.directory / "aside"
    shutil.move(scene.store, aside)
    scene.store.mkdir(mode=0o700)
    checked("mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "store", scene.store)
    shutil.copytree(aside, scene.store, dirs_exist_ok=True)
    shutil.rmtree(aside)
    assert scene.start() is None
    yield scene.store
    scene.stop()
    checked("umount", scene.store)


def test_a_full_disk_is_an_error_changes_nothing_and_passes(scene, small_disk):
    filler = small_disk / "filler"
    with pytest.raises(OSError), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    wait_for_level(scene, "ERR", "is full")
    refuse_change_and_keep(scene)
    scene.stop()
    assert scene.start() is None, "a full disk is no damage"
    wait_for_level(scene, "ERR", "is full")
    assert scene.stored() == scene.documents and not scene.reaches("stranger")
    filler.unlink()
    wait_for_level(scene, "OK", "")
    scene.node.apply(OPEN)
    assert scene.reaches("stranger")


def test_a_read_only_disk_is_an_error_changes_nothing_and_passes(scene, small_disk):
    checked("mount", "-o", "remount,ro", small_disk)
    wait_for_level(scene, "ERR", "is read-only")
    refuse_change_and_keep(scene)
    scene.stop()
    assert scene.start() is None, "a disk that is read-only is no damage"
    wait_for_level(scene, "ERR", "is read-only")
    refuse_change_and_keep(scene)
    checked("mount", "-o", "remount,rw", small_disk)
    wait_for_level(scene, "OK", "")
    scene.node.apply(OPEN)
    assert scene.reaches("stranger")


def test_a_deleted_store_is_an_error_changes_nothing_and_is_written_anew(scene, node):
    shutil.rmtree(scene.store)
    refuse_change_and_keep(scene)
    wait_for_level(scene, "ERR", "is gone")
    scene.store.mkdir(mode=0o700)
    wait_for_level(scene, "OK", "", seconds=5)
    scene.stop()
    assert scene.start() is None
    assert scene.stored() == scene.documents and not scene.reaches("stranger")


def test_a_change_whose_numbers_cannot_be_stored_is_taken_back_for_good(scene, node):
    """The documents are committed, and then the disk of the numbers is gone."""
    numbering = scene.store / "numbering"
    numbering.rename(scene.store / "aside")
    numbering.write_text("in the way")
    done = node.biplane("apply", "-f", "-", input=OPEN)
    assert done.returncode == 1 and "nothing was changed" in done.stderr, done.stderr
    assert not scene.reaches("stranger") and scene.stored() == scene.documents
    numbering.unlink()
    (scene.store / "aside").rename(numbering)
    scene.stop()
    assert scene.start() is None
    assert scene.stored() == scene.documents and not scene.reaches("stranger")


def test_kill_9_at_any_moment_loses_nothing_that_was_answered_for(scene, node):
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: counted, labels: {{ step: s{} }} }}\n"
    for kill in range(10):
        api, answered = Api(node), [None]

        def commit():
            try:
                for n in range(1, 100_000):
                    api.apply(text.format(n))
                    answered[0] = n
            except (OSError, http.client.HTTPException):
                pass

        thread = threading.Thread(target=commit)
        thread.start()
        scene.wait(lambda: answered[0])
        time.sleep(0.03 + random.random() * 0.05)
        node.agent.send_signal(signal.SIGKILL)
        node.agent.wait()
        thread.join()
        assert scene.start() is None
        stored = int(re.search(r"step: s(\d+)", node.biplane("get", "namespace", "counted", "-o", "yaml").stdout).group(1))
        assert stored in (answered[0], answered[0] + 1), f"kill {kill}: {answered[0]} was answered, {stored} is stored"
        status = node.json("status")["store"]
        assert status["committed"] == status["inForce"]
