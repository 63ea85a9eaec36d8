"""One run of one device, and the proof that the device did it. Rates are what the sink counted, from the generator's
first frame to its last one or the sink's, whichever is later."""
import dataclasses
import time

import sending as t
from attempts import PROCESSOR_SHARE_MIN, undisturbed
from lab import LabError

# How far the device's own count may be from the sink's: counters are read a moment before and after, and neighbour discovery and
# the like pass too.
PROOF_TOLERANCE = 0.02
BAD_TOLERANCE = 0.001
WARM_FRAMES = 20_000
SLOWEST_FRAMES = 100_000  # a second, while flows are made
PORTION = 16
PASSES = 4


@dataclasses.dataclass
class Run:
    rate: float  # frames per second at the sink
    sent: int
    received: int
    handled: int
    share: float  # of its processor, that the generator had
    device_share: float  # that the device's own processes had; 0 if it has none
    lost_at: dict
    has_process: bool

    @property
    def disturbed(self):
        """A process that keeps up with the generator may have waited for it."""
        if self.has_process:
            return self.received < self.sent * 0.99 and self.device_share < PROCESSOR_SHARE_MIN
        return self.share < PROCESSOR_SHARE_MIN


def establish(device):
    """Sends every flow once, and an answer to it: what is measured afterwards are packets of established flows."""
    flows = device.traffic.flows
    if not flows or not device.routes:
        warm_up(device)
        return
    frames = max(flows, 64)
    pace = {"portion": PORTION if device.has_process else 0,  # slowly, so that a slow device misses none
            "seconds": max(20, frames / SLOWEST_FRAMES)}
    device.wake()
    try:
        for _ in range(PASSES):
            before = device.answers.read()["frames"]
            device.send(frames, **pace)
            device.answer(frames, **pace)
            answered = device.answers.settled()["frames"] - before
            if answered >= frames * 0.99:
                device.check_established()
                return
        raise LabError(f"{device.name}: of {flows} flows only {answered} were answered through it: {where_lost_since(device, {})}")
    finally:
        device.rest()


def warm_up(device):
    device.wake()
    try:
        device.send(WARM_FRAMES)
        device.counter.settled()
    finally:
        device.rest()


def run(device, frames, seconds=3):
    """A run of `frames` frames; again, at most twice, if something else had the processor meanwhile."""
    return undisturbed(lambda: run_once(device, frames, seconds))


def run_once(device, frames, seconds):
    if not device.traffic.flows:
        device.forget_flows()
    device.wake()
    try:
        links = counters_of(device)
        handled, counted = device.handled(), device.counter.settled()
        begin, busy = time.monotonic(), device.busy_seconds()
        sent = device.send(frames, seconds)
        busy = (device.busy_seconds() - busy) / (time.monotonic() - begin)
        after = device.counter.settled()
        received = after["frames"] - counted["frames"]
        done = device.handled() - handled
        prove(device, sent["sent"], received, after["bad"] - counted["bad"], done, links)
    finally:
        device.rest()
    # What still lay in queues when the generator ended has taken time too.
    duration = (sent["ns"] + max(0, after["last_ns"] - sent["last_ns"])) / 1e9
    return Run(rate=received / duration, sent=sent["sent"], received=received, handled=done,
               share=sent["processor_ns"] / sent["ns"], device_share=busy, lost_at=where_lost_since(device, links), has_process=device.has_process)


def prove(device, sent, received, bad, handled, links):
    """Fails the run if the device did not do what it is measured for."""
    where = where_lost_since(device, links)
    if received == 0:
        raise LabError(f"{device.name}: sent {sent} frames, none arrived; lost at: {where}")
    if bad > received * BAD_TOLERANCE:
        raise LabError(f"{device.name}: {bad} of {received} frames arrived with a wrong length or checksum")
    if abs(handled - received) > max(received * PROOF_TOLERANCE, 100) and handled < received:
        raise LabError(f"{device.name}: the sink counted {received} frames, but the device itself only {handled}: something else carried them")
    device.check(received)


def counters_of(device):
    return {namespace.name: t.interface_counters(namespace) for namespace in device.namespaces()}


def where_lost_since(device, before):
    """Interface -> frames it dropped, and what the device says itself."""
    lost = {}
    for namespace, interfaces in counters_of(device).items():
        for interface, now in interfaces.items():
            then = before.get(namespace, {}).get(interface, (0, 0, 0, 0))
            for number, word in ((1, "in"), (3, "out")):
                if now[number] - then[number]:
                    lost[f"{namespace}/{interface} {word}"] = now[number] - then[number]
    if hasattr(device, "drops"):
        lost.update({f"drop {reason}": count for reason, count in device.drops().items()})
    return lost
