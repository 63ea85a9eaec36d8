"""README's "Use it", pasted: what stands there is what a new user types, on a machine that has never seen Biplane."""
import pathlib
import re

import pytest
from lab import Lab, Namespace

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# A bare machine: what is written below these directories goes with the mount namespace. `make install` installs what is built, and
# systemctl starts what the units say and waits until it is ready; nothing else stands between the user and the programs.
MACHINE = r"""
set -euo pipefail
upper=$1 build=$2
mount -t tmpfs tmpfs "$upper"
for directory in /etc /usr/local /var/lib; do
    mkdir -p "$upper$directory/upper" "$upper$directory/work"
    mount -t overlay overlay -o "lowerdir=$directory,upperdir=$upper$directory/upper,workdir=$upper$directory/work" "$directory"
done
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
rm -rf /etc/biplane /var/lib/biplane /usr/local/lib/biplane  # of a Biplane that is installed here: in the overlay alone
cat > /usr/local/bin/make <<END
#!/bin/sh
[ "\$*" = install ] && exec cmake --install "$build" --prefix /usr/local >&2
END
cat > /usr/local/bin/systemctl <<'END'
#!/bin/bash
[ "$1 $2" = "enable --now" ] || exit 1
for unit in "${@:3}"; do
    read -ra command <<< "$(sed -n 's/^ExecStart=//p' "/usr/local/lib/systemd/system/$unit.service")"
    "${command[@]}" > "/run/$unit.log" 2>&1 &
    for _ in {1..200}; do
        grep -q ready "/run/$unit.log" && break
        kill -0 $! || break
        sleep 0.1
    done
    grep ready "/run/$unit.log" || { cat "/run/$unit.log"; exit 1; }
done
END
chmod +x /usr/local/bin/make /usr/local/bin/systemctl
"""


def commands_of_readme():
    """The first block of commands below "Use it"."""
    section = (ROOT / "README.md").read_text().split("## Use it\n")[1].split("\n## ")[0]
    lines = [line[4:] for line in re.search(r"(?:^    .*\n)+", section, re.MULTILINE).group(0).splitlines()]
    assert lines[0].startswith("make install")
    return "\n".join(lines) + "\n"


def paste(machine, programs, commands):
    """Runs them as one types them: in order, the first failure ends it. All that they start ends with it."""
    upper = machine.lab.directory / "upper"
    upper.mkdir()
    return machine.run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", MACHINE + commands, "bash",
                       upper, programs.resolve().parent, cwd=ROOT, timeout=120)


@pytest.fixture()
def machine(programs):
    """A namespace with an uplink; of the lab's nodes none runs."""
    with Lab(programs, nodes=("node-a",), start=False) as lab:
        yield with_uplink(Namespace(lab, "machine"))


def with_uplink(one):
    one.ip("link", "add", "uplink", "type", "veth", "peer", "name", "switch")
    one.ip("address", "add", "198.51.100.1/24", "dev", "uplink")
    for end in ("uplink", "switch"):
        one.ip("link", "set", end, "up")
    return one


def test_use_it_works_pasted_on_a_fresh_machine(machine, programs):
    done = paste(machine, programs, commands_of_readme())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 received" in done.stdout, done.stdout
    assert re.search(r"^OK  node ", done.stdout, re.MULTILINE), done.stdout


def test_a_configuration_that_is_there_is_kept(machine, programs):
    done = paste(machine, programs, "mkdir /etc/biplane\necho 'node: mine' > /etc/biplane/biplane.yaml\nmake install\n"
                                         "cat /etc/biplane/biplane.yaml\n")
    assert done.returncode == 0 and done.stdout == "node: mine\n", done.stdout + done.stderr
