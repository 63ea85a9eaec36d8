"""What takes part in a scenario. A contender is built once, and measured once a round, in turn with the others."""
import measure
import sending as t


class Contender:
    """`label` is its row in the table; measure() gives metrics by name, of which `rate` is the one shown."""
    label = ""

    def build(self, bench, lab):
        """Sets up; raises Skipped with the reason why it cannot take part."""
        raise NotImplementedError

    def measure(self, bench):
        raise NotImplementedError


class Packets(Contender):
    """A device under a flood of small packets."""

    def __init__(self, device, traffic, label=None, frames=None, **attributes):
        self.device_type, self.traffic, self.frames, self.attributes = device, traffic, frames, attributes
        self.label = label or device.name
        self.device = None

    def build(self, bench, lab):
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
        run = measure.run(self.device, frames)
        return {"rate": run.rate, "sent": run.sent, "received": run.received, "handled": run.handled, "share": round(run.share, 3), "device_share": round(run.device_share, 3),
                "lost_at": run.lost_at, "disturbed": run.disturbed}


def flows(count, **more):
    return t.Traffic(flows=count, **more)
