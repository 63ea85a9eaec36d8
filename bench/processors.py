"""Who had the processors meanwhile: what is measured, or somebody else."""
import os
import pathlib
import resource
import time

TICKS = os.sysconf("SC_CLK_TCK")


def busy_of_all():
    """Busy time of all processors since boot, from /proc/stat: everything but idle and waiting, in 1/100 s."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    user, nice, system, _idle, _iowait, irq, softirq, *_ = fields
    return (user + nice + system + irq + softirq) / TICKS


def idle_of(processors):
    """Idle and waiting time of some processors since boot. The kernel measures it, where it only samples the kinds of busy time."""
    names = {f"cpu{number}" for number in processors}
    rows = [line.split() for line in pathlib.Path("/proc/stat").read_text().splitlines()]
    return sum(int(row[4]) + int(row[5]) for row in rows if row and row[0] in names) / TICKS


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


def others_share(elapsed, idle, own, processors):
    """Of the time of one processor, what others had of all of these. Pure. All in seconds."""
    return max(0.0, elapsed * processors - idle - own) / elapsed


class Watch:
    """From its making until share() is asked for. `processes` work for what is measured and outlive it; children that end meanwhile
    count too. Of softirqs the kernel charges the process that they interrupt; they are few where that is none of these."""

    def __init__(self, processors, processes):
        self.processors = sorted(set(processors))
        self.processes = [*processes, *kernel_helpers(self.processors)]
        self.begin = self._now()

    def _now(self):
        own = sum(map(time_of, self.processes)) + time.process_time()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.monotonic(), idle_of(self.processors), own + children.ru_utime + children.ru_stime

    def share(self):
        """1 if nobody else ran on these processors; 0.9 if others took a tenth of the time of one of them."""
        elapsed, idle, own = (now - then for now, then in zip(self._now(), self.begin))
        return 1 - others_share(elapsed, idle, own, len(self.processors))
