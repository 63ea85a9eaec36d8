"""Debian's kernels, fetched by apt into a directory of the build:

    fetch("6.1", cache) -> Kernel                               # the newest 6.1 that Debian has

The machine's own sources say where Debian is; what is asked for is the kernel of a release of Debian, which may be another one than
the machine's. apt works in a directory of its own for that: the machine's lists and packages stay as they are.
"""
import dataclasses
import fcntl
import os
import pathlib
import re
import shutil
import subprocess

RELEASE_OF = {"6.1": "bookworm", "6.12": "trixie"}  # kernel -> the release of Debian whose own kernel it is
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
RETRIES = 3
METAPACKAGE = "linux-image-amd64"  # depends on the newest kernel of its release
# What of the modules is kept: networks, and what a root over 9p and the tests' devices need. The rest is 300 MB.
KEPT_MODULES = ("net", "lib", "crypto", "arch", "fs/9p", "fs/netfs", "fs/fscache", "fs/overlayfs", "drivers/virtio", "drivers/net/*.ko*",
                "drivers/net/vxlan", "drivers/net/bonding", "drivers/net/netdevsim", "drivers/block/loop.ko*")


class KernelError(Exception):
    """A sentence for the user: why there is no kernel."""


class NoApt(KernelError):
    """The machine has no apt at all, or no source of Debian's packages: nothing that a network could mend."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    release: str  # as uname -r says it
    image: pathlib.Path
    modules: pathlib.Path  # with modules.dep


def _run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode:
        raise KernelError(f"{' '.join(map(str, command))}: {(done.stderr.strip() or done.stdout.strip())[-2000:]}")
    return done.stdout


def _debian_sources():
    """(URI, suffix of the suite) of every source of the machine's own release: ('http://…/debian', ''), ('…', '-security')."""
    if not shutil.which("apt-get"):
        raise NoApt("this machine has no apt-get, and a kernel of Debian comes as a package of Debian")
    codename = re.search(r"^VERSION_CODENAME=(\w+)", pathlib.Path("/etc/os-release").read_text(), re.M)
    targets = _run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    found = []
    for uri, release, component in (line.split() for line in targets.splitlines() if len(line.split()) == 3):
        base, dash, suffix = release.partition("-")
        if codename and base == codename.group(1) and component == "main" and suffix in ("", "updates", "security"):
            found.append((uri, dash + suffix))
    if not found:
        raise NoApt("apt has no source of Debian's own packages on this machine (a suite called as VERSION_CODENAME in /etc/os-release)")
    return sorted(set(found))


def _apt_options(directory, sources):
    for part in ("lists/partial", "cache/archives/partial"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    (directory / "sources.list").write_text("".join(line + "\n" for line in sources))
    settings = {"Dir::Etc::sourcelist": directory / "sources.list", "Dir::Etc::sourceparts": "-", "Dir::State::lists": directory / "lists",
                "Dir::Cache": directory / "cache", "APT::Sandbox::User": "root", "APT::Architecture": "amd64", "Acquire::Retries": RETRIES, "APT::Update::Error-Mode": "any"}
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _download(version, directory):
    """The package of the newest kernel of a release, as a file below `directory`."""
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    sources = [f"deb {signed}{uri} {RELEASE_OF[version]}{suffix} main" for uri, suffix in _debian_sources()]
    options = _apt_options(directory / "apt", sources)
    _run("apt-get", *options, "update", "-qq")
    depends = _run("apt-cache", *options, "depends", METAPACKAGE)
    package = re.search(rf"Depends: (linux-image-{re.escape(version)}\.\S+)", depends)
    if not package:
        raise KernelError(f"Debian {RELEASE_OF[version]} has no kernel {version}: its {METAPACKAGE} says {depends.strip()!r}")
    _run("apt-get", *options, "download", "-qq", package.group(1), cwd=directory)
    return next(directory.glob("linux-image-*.deb"))


def _unpack(package, directory):
    """The image, and the modules that are kept, with their dependencies."""
    whole = directory / "whole"
    _run("dpkg-deb", "--extract", package, whole)
    image = next(whole.glob("boot/vmlinuz-*"))
    release = image.name.removeprefix("vmlinuz-")
    modules = next(path for path in (whole / "lib/modules", whole / "usr/lib/modules") if path.exists()) / release
    kept = directory / "root/lib/modules" / release
    for pattern in KEPT_MODULES:
        for source in (modules / "kernel").glob(pattern):
            target = kept / source.relative_to(modules)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        if (modules / name).exists():
            (modules / name).rename(kept / name)
    image.rename(directory / image.name)
    shutil.rmtree(whole)
    package.unlink()
    _run(shutil.which("depmod", path="/usr/sbin:/sbin:/usr/bin"), "-b", directory / "root", release)


def _cached(directory):
    image = next(directory.glob("vmlinuz-*"), None)
    if image is None:
        return None
    release = image.name.removeprefix("vmlinuz-")
    return Kernel(release, image, directory / "root/lib/modules" / release)


def fetch(version, cache):
    """The newest kernel `version` (a key of RELEASE_OF) of Debian; one that is in the directory `cache` already is taken as it is.
    Raises KernelError."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{version}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = cache / version
        if not target.exists():
            under_way = cache / f"{version}.new"
            shutil.rmtree(under_way, ignore_errors=True)
            under_way.mkdir()
            _unpack(_download(version, under_way), under_way)
            shutil.rmtree(under_way / "apt")
            os.rename(under_way, target)
        return _cached(target)
