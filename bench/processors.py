"""Who had the processors meanwhile: what is measured, or somebody else."""
import os
import pathlib
import resource
import time

TICKS = os.sysconf("SC_CLK_TCK")


def busy_seconds(rows):
    """Busy time since boot of some rows of /proc/stat: everything but idle and waiting, in 1/100 s. Not the time since boot less idle:
    on its way in and out of idle, ten thousand times a second, a processor is neither."""
    busy = 0
    for line in pathlib.Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split() or [""]
        if name in rows:
            user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, fields)
            busy += user + nice + system + irq + softirq
    return busy / TICKS


def busy_of_all():
    return busy_seconds({"cpu"})


def time_of(process):
    """Processor time of a process since it began; 0 if it has ended."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def kernel_helpers(processors):
    """Processes in which the kernel does work of the network that a program's time was too short for."""
    names = {f"ksoftirqd/{number}" for number in processors}
    found = []
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (directory / "comm").read_text().strip() in names:
                found.append(int(directory.name))
        except OSError:  # it has ended
            continue
    return found


def others_share(elapsed, busy, own):
    """Of the time of one processor, what others had. Pure. All in seconds."""
    return min(1.0, max(0.0, busy - own) / elapsed)


class Watch:
    """From its making until share() is asked for. `processes` work for what is measured and outlive it; children that end meanwhile
    count too. Of softirqs the kernel charges the process that they interrupt; they are few where that is none of these."""

    def __init__(self, processors, processes):
        self.rows = {f"cpu{number}" for number in processors}
        self.processes = [*processes, *kernel_helpers(processors)]
        self.begin = self._now()

    def _now(self):
        own = sum(map(time_of, self.processes)) + time.process_time()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.monotonic(), busy_seconds(self.rows), own + children.ru_utime + children.ru_stime

    def share(self):
        """1 if nobody else ran on these processors; 0.9 if others took a tenth of the time of one of them."""
        elapsed, busy, own = (now - then for now, then in zip(self._now(), self.begin))
        return 1 - others_share(elapsed, busy, own)
