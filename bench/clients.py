"""Contenders with real clients: streams of iperf3, and our own requests over TCP."""
import json
import pathlib
import subprocess

import sending as t
from contenders import Contender
from lab import LabError

STREAM_PORT, REQUEST_PORT = 5201, 7000


def processor_seconds():
    """Busy time of all processors since boot, from /proc/stat: everything but idle and waiting, in 1/100 s."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]))
    user, nice, system, _idle, _iowait, irq, softirq, *_ = fields
    return (user + nice + system + irq + softirq) / 100


class OverPath(Contender):
    """A contender whose traffic goes over a path (devices/paths.py), and proves it."""

    def __init__(self, path):
        self.path_type, self.label = path, path.name

    def build(self, bench, lab):
        self.path = self.path_type(lab)
        self.path.build()
        for namespace in (self.path.client, self.path.server):
            namespace.ip("link", "set", "lo", "up")
        reached = self.path.client.run("ping", "-c", 3, "-i", 0.1, "-w", 5, t.SINK["ipv4"])
        if reached.returncode:
            raise LabError(f"{self.label}: the server cannot be reached: {reached.stdout.strip()[-200:]}")
        self.serve(bench)

    def prove(self, before, least):
        carried = self.path.carried() - before
        if carried < least:
            raise LabError(f"{self.label}: only {carried} packets went through it, not {least:.0f}: something else carried the traffic")


class Stream(OverPath):
    """One TCP stream; client and server on different processors. `ns_per_byte`: of all processors together, whatever ran there."""

    def serve(self, bench):
        server = self.path.server
        process = server.start(*t.ON_PROCESS_CPU, "iperf3", "--server", stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        server.wait_listening(STREAM_PORT, process)

    def measure(self, bench):
        before, busy = self.path.carried(), processor_seconds()
        done = self.path.client.iperf(t.SINK["ipv4"], "--json", "--time", bench.seconds, through=t.ON_GENERATOR_CPU,
                                      timeout=bench.seconds + 20, start_new_session=True)
        busy = processor_seconds() - busy
        try:
            end = json.loads(done.stdout)["end"]
            received, sent = end["sum_received"], end["sum_sent"]
            count = received["bytes"]
            result = {"rate": received["bits_per_second"], "resent": sent["retransmits"], "bytes": count,
                      "ns_per_byte": busy * 1e9 / count}
        except (ValueError, KeyError, ZeroDivisionError):
            raise LabError(f"{self.label}: iperf3 failed: {done.stdout[-300:]}{done.stderr}") from None
        self.prove(before, count / 65536)
        return result


class Requests(OverPath):
    """Client and server on one processor: across two, all one sees is the wake-up of an idle one."""

    def __init__(self, path, connect_each=False):
        super().__init__(path)
        self.connect_each = connect_each

    def serve(self, bench):
        server = self.path.server
        process = server.start(*t.ON_GENERATOR_CPU, bench.tools["requests"], "--address", t.SINK["ipv4"], "serve",
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_listening(REQUEST_PORT, process)

    def measure(self, bench):
        before = self.path.carried()
        done = self.path.client.run(*t.ON_GENERATOR_CPU, bench.tools["requests"], "--address", t.SINK["ipv4"], "ask",
                                    "--seconds", bench.seconds, *(["--connect-each"] if self.connect_each else []),
                                    timeout=bench.seconds + 20, start_new_session=True)
        if done.returncode:
            raise LabError(f"{self.label}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        self.prove(before, result["count"] * 2)
        return result
