"""What every device under test is: something between a source and a sink, which says itself how many packets it handled.

        source (eth0) ---- (in0) device (out0) ---- (eth0) sink

Each device has namespaces of its own in the lab, so that all of a scenario stand side by side and are measured in turn.
"""
import os
import shutil
import signal
import time

import processors
import sending as t
from lab import Container, LabError, Namespace

PROGRAM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Skipped(Exception):
    """Why a device cannot take part here."""


def find_program(name, package):
    path = shutil.which(name, path=PROGRAM_PATH)
    if not path:
        raise Skipped(f"{name} is not installed (Debian package {package})")
    return path


class Device:
    name = ""  # unique within a scenario; also what the table shows
    sink_at = "tcx"  # where the sink counts: the place that costs this device least
    has_process = False  # a process of its own forwards, on its own processor: it is overloaded, and what it forwards counts
    routes = True  # looks at addresses: takes any traffic. False: one that cannot know flows

    def __init__(self, lab, tools, traffic):
        self.lab, self.tools, self.traffic = lab, tools, traffic
        self.key = f"d{len(lab.containers):x}"
        self.source = self.sink = self.dut = None
        self.next_frame = 0
        self.processes = []

    # --- what a device has to say ---

    def build(self):
        """Makes the namespaces source, dut and sink and sets up the device; raises Skipped."""
        raise NotImplementedError

    def handled(self):
        """Packets that the device's own counters say it sent on, since it was built."""
        raise NotImplementedError

    def check(self, received):
        """After a run that `received` so many frames: raises LabError if the device is not what it claims to be (no flow tracked, ...)."""

    def check_established(self):
        """After every flow was sent and answered: raises LabError if the device does not know them."""

    def forget_flows(self):
        """Before a run with new flows: what the device knows may be thrown away."""

    # --- what most devices share ---

    def namespaces(self):
        return [namespace for namespace in (self.source, self.dut, self.sink) if namespace]

    def make_namespaces(self):
        self.source = self.lab.container(f"{self.key}-source")
        self.sink = self.lab.container(f"{self.key}-sink")
        self.dut = Namespace(self.lab, f"{self.key}-dut")
        self.lab.containers[f"{self.key}-dut"] = self.dut

    def make_wires(self):
        """Both veth pairs. GRO on the device's side of the source: frames redirected into a veth need it (or XDP) at the far end."""
        for end, mac, near, near_mac in ((self.source, t.SOURCE_MAC, "in0", t.IN_MAC), (self.sink, t.SINK_MAC, "out0", t.OUT_MAC)):
            end.ip("link", "add", "eth0", "address", mac, "type", "veth", "peer", "name", near, "address", near_mac,
                   "netns", self.dut.netns)
            end.ip("link", "set", "eth0", "up")
            self.dut.ip("link", "set", near, "up")
        self.switch_gro(self.dut, "in0")
        self.switch_gro(self.source, "eth0")
        self.switch_gro(self.sink, "eth0")
        self.switch_gro(self.dut, "out0")

    @staticmethod
    def switch_gro(namespace, interface):
        done = namespace.run("ethtool", "-K", interface, "gro", "on")
        if done.returncode:
            raise LabError(f"ethtool -K {interface} gro on: {done.stderr.strip()}")

    def attach_sinks(self):
        """At the sink, and at the source for the answers that make flows established."""
        family = self.traffic.family
        encapsulated = self.traffic.tunnel == "out"
        self.counter = t.Sink(self.tools, self.sink, self.sink_interface(), self.traffic, t.SINK[family], self.sink_at, encapsulated)
        self.answers = t.Sink(self.tools, self.source, self.source_interface(), self.traffic, t.SOURCE[family], self.sink_at,
                              self.traffic.tunnel == "in")

    def source_interface(self):
        return "eth0"

    def sink_interface(self):
        return "eth0"

    def forward_ends(self):
        return t.SOURCE_MAC, t.IN_MAC, t.SOURCE[self.traffic.family], t.SINK[self.traffic.family]

    def backward_ends(self):
        return t.SINK_MAC, t.OUT_MAC, t.SINK[self.traffic.family], t.SOURCE[self.traffic.family]

    def forward_outer(self):
        """Of frames that come in encapsulated."""
        return None

    def backward_outer(self):
        """Of answers to frames that leave encapsulated."""
        return None

    def send(self, frames, seconds=20, portion=0):
        sent = t.generate(self.tools, self.source, self.source_interface(), self.traffic, frames, self.forward_ends(), self.next_frame,
                          outer=self.forward_outer(), seconds=seconds, portion=portion)
        self.next_frame += sent["sent"]
        return sent

    def answer(self, frames, seconds=20, portion=0):
        return t.generate(self.tools, self.sink, self.sink_interface(), self.traffic, frames, self.backward_ends(), swap=True,
                          outer=self.backward_outer(), seconds=seconds, portion=portion)

    def busy_seconds(self):
        """Processor time of the device's own processes."""
        return sum(processors.time_of(process.pid) for process in self.working_processes())

    def working_processes(self):
        return self.processes

    # --- a device that polls must not take the processor while others are measured ---

    def rest(self):
        self._signal(signal.SIGSTOP)

    def wake(self):
        self._signal(signal.SIGCONT)
        if self.processes:
            time.sleep(0.1)

    def _signal(self, number):
        for process in self.processes:
            if process.poll() is not None:
                raise LabError(f"{self.name}: a process of the device ended with exit code {process.returncode}")
            os.kill(process.pid, number)


class BareDevice(Device):
    """One of our bare programs between two wires."""
    program = ""
    routes = False

    def build(self):
        self.make_namespaces()
        self.make_wires()
        self.process = t.start_attached(self.dut, self.tools["bare"], self.program, "--from", "in0", "--to", "out0")

    def handled(self):
        """Nothing counts in a bare program: the far end's interface does, which it cannot reach otherwise."""
        return t.interface_counters(self.sink)["eth0"][0]
