"""The initramfs of a machine: busybox, the few modules that reach the host's root over 9p, and two scripts.

    kernel -> init (here) -> switch_root -> start (here): the host's root, read-only, with a memory overlay on top -> the command
"""
import lzma
import pathlib
import shlex
import shutil
import subprocess

ROOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")

INIT = """#!/bin/busybox sh
set -e
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod /modules/$module; done
/bin/busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 root /lower
/bin/busybox mount -t tmpfs -o size=75% upper /upper
/bin/busybox mkdir /upper/data /upper/work
/bin/busybox mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /new
/bin/busybox mkdir -p /new/lib/modules/{release}
/bin/busybox mount -o bind /lower{module_directory} /new/lib/modules/{release}
/bin/busybox mount -t tmpfs run /new/run
/bin/busybox cp /start /command /new/run/
/bin/busybox umount /proc /dev
exec /bin/busybox switch_root /new /run/start
"""

# The second serial port carries what the command says, then one line with `end` and its exit code.
START = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mkdir -p /run/lock
ip link set lo up
hostname machine
modprobe nf_conntrack # tests set its sysctls before anything has loaded it
stty -F /dev/ttyS1 raw
cd {directory}
setsid sh /run/command </dev/null >/dev/ttyS1 2>&1
echo "{end} $?" >/dev/ttyS1
echo o >/proc/sysrq-trigger
sleep 60
"""


def _module_files(kernel):
    """The files of ROOT_MODULES and of what they depend on, those first; a module built into the kernel has none."""
    depends = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        path, _, needed = line.partition(":")
        depends[path] = needed.split()
    by_name = {pathlib.Path(path).name.split(".")[0].replace("-", "_"): path for path in depends}
    found = []

    def take(path):
        for needed in reversed(depends[path]):
            take(needed)
        if path not in found:
            found.append(path)

    for name in ROOT_MODULES:
        if name in by_name:
            take(by_name[name])
    return [kernel.modules / path for path in found]


def _copy_module(source, directory):
    """Uncompressed: the insmod of busybox takes no other. Returns the name."""
    data = source.read_bytes()
    name = source.name.removesuffix(".xz")
    (directory / name).write_bytes(lzma.decompress(data) if source.suffix == ".xz" else data)
    return name


def _write_script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def write(kernel, directory, end, command, environment, working_directory):
    """Writes the initramfs of a machine that runs `command` once; returns its path, below `directory`."""
    tree = directory / "initramfs"
    for name in ("bin", "proc", "dev", "lower", "upper", "new", "modules"):
        (tree / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox", path="/usr/bin:/bin"), tree / "bin/busybox")
    modules = [_copy_module(path, tree / "modules") for path in _module_files(kernel)]
    _write_script(tree / "init", INIT.format(modules=" ".join(modules), release=kernel.release, module_directory=kernel.modules.resolve()))
    _write_script(tree / "start", START.format(end=end, directory=shlex.quote(str(working_directory))))
    settings = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    (tree / "command").write_text("\n".join([*settings, "exec " + shlex.join(map(str, command)), ""]))
    image = directory / "initramfs.cpio"
    names = subprocess.run(["find", ".", "-print0"], cwd=tree, capture_output=True, check=True).stdout
    with open(image, "wb") as out:
        subprocess.run(["cpio", "--create", "--null", "--format=newc", "--owner=0:0", "--quiet"], cwd=tree, input=names, stdout=out, check=True)
    return image
