"""A steady stream of datagrams from a process of its own, and a sink that keeps all that arrives with the time it was sent.

    sink = Sink(container); stream = Stream(container, packets, rate=20_000)
    ...
    sent = stream.stop(); seen = sink.stop()                    # per destination port: the times of sending, ns of CLOCK_MONOTONIC
"""
import collections
import multiprocessing
import signal
import socket
import struct
import threading
import time

import wire

BURST = 16
CLOCK = struct.Struct("!Q")


def header(source, destination, source_port, destination_port):
    """IPv4 and UDP before a payload of 8 bytes. No UDP checksum: the payload changes with every packet."""
    udp = struct.pack("!HHHH", source_port, destination_port, 8 + CLOCK.size, 0)
    packet = wire.ip_packet(socket.inet_aton(source), socket.inet_aton(destination), wire.UDP, udp)
    return packet[:2] + struct.pack("!H", len(packet) + CLOCK.size) + packet[4:]


def destination_port_of(packet):
    return int.from_bytes(packet[22:24], "big")


def send_until(stop, sender, headers, rate, rounds, report):
    """`rounds`: how often all of `headers` are sent; None: until `stop`. What the kernel refuses to send is not counted as sent."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the lab's handlers are for its own process
        signal.signal(ending, signal.SIG_DFL)
    sent, number, due = collections.defaultdict(list), 0, time.monotonic()
    end = None if rounds is None else rounds * len(headers)
    while not stop.is_set() and number != end:
        for _ in range(BURST):
            one = headers[number % len(headers)]
            now = time.monotonic_ns()
            try:
                sender.sendto(one + CLOCK.pack(now), (socket.inet_ntoa(one[16:20]), 0))
                sent[destination_port_of(one)].append(now)
            except OSError:
                pass  # no link yet, or none any more
            number += 1
            if number == end:
                break
        due += BURST / rate
        wait = due - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        elif wait < -0.1:
            due = time.monotonic()  # held up: no burst to make up for it
    report.send(dict(sent))


class Stream:
    def __init__(self, container, headers, rate, rounds=None):
        context = multiprocessing.get_context("fork")
        self.sender = container.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.halt = context.Event()
        self.reports, report = context.Pipe(duplex=False)
        self.process = context.Process(target=send_until, args=(self.halt, self.sender, headers, rate, rounds, report), daemon=True)
        self.process.start()
        container.lab.write_down(self.process)

    def finish(self, seconds=60):
        """Waits for its rounds, and returns what was sent."""
        assert self.reports.poll(seconds), "the stream did not end"
        sent = self.reports.recv()
        self.process.join()
        self.sender.close()
        return sent

    def stop(self):
        self.halt.set()
        return self.finish()


class Sink:
    """All UDP that arrives at a container's eth0 over IPv4."""

    def __init__(self, container):
        self.receiver = container.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(wire.ETH_P_IP))
        self.receiver.setsockopt(socket.SOL_SOCKET, wire.SO_RCVBUFFORCE, 256 << 20)
        self.receiver.bind(("eth0", wire.ETH_P_IP))
        self.receiver.settimeout(0.05)
        self.seen, self.halt = collections.defaultdict(list), False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                packet = self.receiver.recv(256)
            except socket.timeout:
                if self.halt:
                    return
                continue
            if packet[9] == wire.UDP and len(packet) >= 28 + CLOCK.size:
                self.seen[destination_port_of(packet)].append(CLOCK.unpack_from(packet, 28)[0])

    def stop(self, quiet=0.3):
        time.sleep(quiet)
        self.halt = True
        self.thread.join()
        self.receiver.close()
        return self.seen
