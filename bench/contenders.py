"""What takes part in a scenario. A contender is built once, and measured once a round, in turn with the others."""
import pathlib
import re

import measure
import sending as t
from devices.device import Skipped

FRAMES_A_SECOND = 400_000  # a run that has to send every flow once is given this time


class Contender:
    """`label` is its row in the table; measure() gives metrics by name, of which `rate` is the one shown."""
    label = ""

    def build(self, bench, lab):
        """Sets up; raises Skipped with the reason why it cannot take part."""
        raise NotImplementedError

    def measure(self, bench):
        raise NotImplementedError


class Packets(Contender):
    """A device under a flood of packets. `gib`: skipped where less memory is free."""

    def __init__(self, device, traffic, label=None, frames=None, gib=0, **attributes):
        self.device_type, self.traffic, self.frames, self.gib, self.attributes = device, traffic, frames, gib, attributes
        self.label = label or device.name
        self.device = None

    def build(self, bench, lab):
        if self.gib and free_gib() < self.gib:
            raise Skipped(f"it needs {self.gib} GiB of free memory, and there are {free_gib():.1f}")
        self.device = self.device_type(lab, bench.tools, self.traffic)
        self.device.name = self.label
        for name, value in self.attributes.items():
            setattr(self.device, name, value)
        self.device.build()
        self.device.attach_sinks()
        measure.establish(self.device)

    def measure(self, bench):
        if self.traffic.flows == 0:
            frames = bench.frames_of_new_flows * (5 if self.device.has_process else 1)
        else:  # every flow at least once a run
            frames = self.frames or max(bench.frames * (3 if self.device.has_process else 1), self.traffic.flows)
        run = measure.run(self.device, frames, seconds=max(3, self.traffic.flows / FRAMES_A_SECOND))
        return {"rate": run.rate, "bits": run.rate * self.traffic.bytes * 8, "sent": run.sent, "received": run.received,
                "handled": run.handled, "share": round(run.share, 3), "device_share": round(run.device_share, 3),
                "lost_at": run.lost_at, "disturbed": run.disturbed}


def free_gib():
    """Memory that can be had without swapping."""
    return int(re.search(r"MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 2**20


def flows(count, **more):
    return t.Traffic(flows=count, **more)
