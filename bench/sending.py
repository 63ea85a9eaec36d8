"""What is sent through a device under test, how, and what came of it. The programs are those of bench/traffic/."""
import dataclasses
import json
import os
import pathlib
import subprocess
import time

from lab import LabError

SOURCE = {"ipv4": "10.0.0.10", "ipv6": "fd00:a::10"}
SINK = {"ipv4": "10.0.0.11", "ipv6": "fd00:a::11"}
SOURCE_MAC, SINK_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
IN_MAC, OUT_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02"  # of the device, towards the source and towards the sink
# The underlay of scenarios with VXLAN: the device is .1, the node beyond its fabric .2.
UNDERLAY_MAC = "02:00:00:00:02:02"
UNDERLAY = ("192.0.2.1", "192.0.2.2")
VNI = 100

# The processor of the generator, and of all that the kernel does for a device; a device that is a process of its own has the other.
GENERATOR_CPU = max(0, (os.cpu_count() or 1) - 1)
PROCESS_CPU = 0

# Whatever else runs on the machine is to disturb little. Between sessions it is the autogroup's nice value that counts; only a
# process that leads a session of its own may change it, or it would raise the caller's shell as well.
RAISE = 'read -r _ _ _ _ _ session _ </proc/self/stat; [ "$session" != $$ ] || echo -20 2>/dev/null >/proc/self/autogroup; exec "$@"'
FIRST = ("nice", "-n", "-20", "sh", "-c", RAISE, "sh")
ON_PROCESS_CPU = ("taskset", "--cpu-list", PROCESS_CPU, *FIRST)
ON_GENERATOR_CPU = ("taskset", "--cpu-list", GENERATOR_CPU, *FIRST)


@dataclasses.dataclass(frozen=True)
class Traffic:
    """`flows` 0: every frame is a new flow. `tunnel`: "in" is decapsulated by the device, "out" encapsulated."""
    flows: int = 1000
    family: str = "ipv4"
    bytes: int = 64
    tunnel: str = ""


class Tools:
    """Where the programs lie."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory).resolve()

    def __getitem__(self, name):
        path = self.directory / f"bench-{name}"
        if not os.access(path, os.X_OK):
            raise LabError(f"{path} is not there: run 'make build' first")
        return path


def start_attached(namespace, *command):
    """Starts one of our programs that says "ready" and lives as long as its standard input."""
    process = namespace.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if process.stdout.readline().strip() != "ready":
        raise LabError(f"{pathlib.Path(str(command[0])).name}: {process.stderr.read()[-600:]}")
    return process


class Sink:
    """Counts in a namespace what arrives for one address."""

    def __init__(self, tools, namespace, interface, traffic, address, at, encapsulated=False):
        options = ["--vxlan"] if encapsulated else []
        self.process = start_attached(namespace, tools["sink"], "--interface", interface, "--destination", address,
                                      "--at", at, "--bytes", traffic.bytes, *options)

    def read(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise LabError(f"the sink ended: {self.process.stderr.read()[-300:]}")
        return json.loads(line)

    def settled(self, patience=1.0):
        """The counters when nothing more comes."""
        deadline = time.monotonic() + patience
        counted = self.read()
        while time.monotonic() < deadline:
            time.sleep(0.02)
            before, counted = counted, self.read()
            if before["frames"] == counted["frames"]:
                break
        return counted


def generate(tools, namespace, interface, traffic, frames, ends, first=0, swap=False, outer=None, seconds=20, portion=0):
    """Sends; `portion` frames at a time with pauses between, if it is not 0. `ends` and `outer` are (source MAC, destination MAC, source address, destination address)."""
    names = ("source-mac", "destination-mac", "source", "destination")
    words = [word for name, value in zip(names, ends) for word in (f"--{name}", value)]
    if outer:
        words += ["--vni", VNI] + [word for name, value in zip(names, outer) for word in (f"--outer-{name}", value)]
    command = [*ON_GENERATOR_CPU, tools["generate"], "--interface", interface,
               "--frames", frames, "--flows", traffic.flows, "--first", first, "--bytes", traffic.bytes, "--seconds", seconds, "--portion", portion,
               *words, *(["--swap-ports"] if swap else [])]
    done = namespace.run(*command, timeout=seconds + 30, start_new_session=True)
    if done.returncode:
        raise LabError(f"generator: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout)


def interface_counters(namespace):
    """Interface -> (received, receive drops, transmitted, transmit drops and errors)."""
    found = {}
    for link in json.loads(namespace.ip("-s", "-j", "link", "show")):
        received, transmitted = link["stats64"]["rx"], link["stats64"]["tx"]
        found[link["ifname"]] = (received["packets"], received["dropped"] + received["errors"], transmitted["packets"],
                                 transmitted["dropped"] + transmitted["errors"] + transmitted["carrier_errors"])
    return found
