"""Contenders with real clients: streams of iperf3, and our own requests over TCP."""
import dataclasses
import json
import subprocess

import processors
import sending as t
from attempts import PROCESSOR_SHARE_MIN, undisturbed
from contenders import Contender
from lab import LabError

STREAM_PORT, REQUEST_PORT = 5201, 7000


@dataclasses.dataclass
class WatchedRun:
    metrics: dict
    share: float  # 1 less what others took, of the time of one processor

    @property
    def disturbed(self):
        return self.share < PROCESSOR_SHARE_MIN


class OverPath(Contender):
    """A contender whose traffic goes over a path (devices/paths.py), and proves it. `on_processors` are those that client and server have."""
    on_processors = ()

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
        self.server_process = self.serve(bench)

    def serve(self, bench):
        """Starts the server; its process."""
        raise NotImplementedError

    def run(self, bench):
        """One run of the client; its metrics."""
        raise NotImplementedError

    def measure(self, bench):
        run = undisturbed(lambda: self.watched(bench))
        return run.metrics | {"share": round(run.share, 3), "disturbed": run.disturbed}

    def watched(self, bench):
        watch = processors.Watch(self.on_processors, [process.pid for process in (self.server_process, *self.path.processes())])
        return WatchedRun(self.run(bench), watch.share())

    def prove(self, before, least):
        carried = self.path.carried() - before
        if carried < least:
            raise LabError(f"{self.label}: only {carried} packets went through it, not {least:.0f}: something else carried the traffic")


class Stream(OverPath):
    """One TCP stream; client and server on different processors. `ns_per_byte`: of all processors together, whatever ran there."""
    on_processors = (t.PROCESS_CPU, t.GENERATOR_CPU)

    def serve(self, bench):
        server = self.path.server
        process = server.start(*t.ON_PROCESS_CPU, "iperf3", "--server", stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        server.wait_listening(STREAM_PORT, process)
        return process

    def run(self, bench):
        before, busy = self.path.carried(), processors.busy_of_all()
        done = self.path.client.iperf(t.SINK["ipv4"], "--json", "--time", bench.seconds, through=t.ON_GENERATOR_CPU,
                                      timeout=bench.seconds + 20, start_new_session=True)
        busy = processors.busy_of_all() - busy
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
    on_processors = (t.GENERATOR_CPU,)

    def __init__(self, path, connect_each=False):
        super().__init__(path)
        self.connect_each = connect_each

    def serve(self, bench):
        server = self.path.server
        process = server.start(*t.ON_GENERATOR_CPU, bench.tools["requests"], "--address", t.SINK["ipv4"], "serve",
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_listening(REQUEST_PORT, process)
        return process

    def run(self, bench):
        before = self.path.carried()
        done = self.path.client.run(*t.ON_GENERATOR_CPU, bench.tools["requests"], "--address", t.SINK["ipv4"], "ask",
                                    "--seconds", bench.seconds, *(["--connect-each"] if self.connect_each else []),
                                    timeout=bench.seconds + 20, start_new_session=True)
        if done.returncode:
            raise LabError(f"{self.label}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        self.prove(before, result["count"] * 2)
        return result
