"""Packets by the thousand without a process each: made here, sent by raw sockets, and caught by packet sockets in the namespaces.

    wire = Wire({"x/a": container, "x/b": other})                # by default at their eth0
    first = make(TCP, "10.0.0.1", "10.0.0.2", 4000, 80)          # a SYN
    arrivals = wire.exchange([("x/a", first), ...])              # what arrived, and where

The stacks of these namespaces do not answer: silence() has netfilter take away what the packet sockets have seen already.
"""
import collections
import select
import socket
import struct
import time

ICMP, TCP, UDP, ICMPV6, SCTP = 1, 6, 17, 58, 132
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
SO_RCVBUFFORCE = 33
BURST = 64  # packets between two looks at what has arrived

SILENCE = """table inet silence {
    chain input {
        type filter hook input priority -300
        meta l4proto { tcp, udp, sctp } drop
        icmp type echo-request drop
        icmpv6 type echo-request drop
    }
}
"""


def silence(container):
    done = container.run("nft", "-f", "-", input=SILENCE)
    assert done.returncode == 0, done.stderr


# --- making packets ---

def internet_checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC32C = crc32c_table()


def crc32c(data):
    """RFC 9260, appendix A, in the byte order of the wire."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ CRC32C[(value ^ byte) & 0xFF]
    return struct.pack("<I", value ^ 0xFFFFFFFF)


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ip_packet(source, destination, protocol, transport):
    """`source`, `destination`: packed. The kernel fills in IPv4's checksum."""
    if len(source) == 4:
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(transport), 0, 0x4000, 64, protocol, 0) + source + destination + transport
    return struct.pack("!IHBB", 6 << 28, len(transport), protocol, 64) + source + destination + transport


def with_checksum(source, destination, protocol, transport, offset):
    pseudo = source + destination + struct.pack("!HBBI", 0, 0, protocol, len(transport)) if protocol != ICMP else b""
    checksum = internet_checksum(pseudo + transport)
    if protocol == UDP:
        checksum = checksum or 0xFFFF
    return transport[:offset] + struct.pack("!H", checksum) + transport[offset + 2:]


def make(protocol, source, destination, source_port, destination_port, flags=SYN, sequence=1000, acknowledgment=0, payload=b""):
    """An IP packet. TCP: a SYN by default; SCTP: an INIT; ICMP: an echo request whose identifier is `source_port`."""
    source, destination = packed(source), packed(destination)
    if protocol == TCP:
        transport = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, acknowledgment, 5 << 4, flags, 65535, 0, 0)
        transport = with_checksum(source, destination, TCP, transport + payload, 16)
    elif protocol == UDP:
        transport = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
        transport = with_checksum(source, destination, UDP, transport, 6)
    elif protocol == SCTP:
        init = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1000 + source_port, 65535, 1, 1, 1)
        header = struct.pack("!HHI", source_port, destination_port, 0)
        transport = header + crc32c(header + bytes(4) + init) + init
    else:
        kind = 8 if protocol == ICMP else 128
        transport = with_checksum(source, destination, protocol, struct.pack("!BBHHH", kind, 0, 0, source_port, 1) + payload, 2)
    return ip_packet(source, destination, protocol, transport)


def identity(packet):
    """What a packet is known by: addresses, protocol, ports; of ICMP the type, code and identifier instead. Works on what was sent
    and on what has arrived."""
    if packet[0] >> 4 == 4:
        protocol, addresses, transport = packet[9], packet[12:20], packet[20:28]
    else:
        protocol, addresses, transport = packet[6], packet[8:40], packet[40:48]
    if protocol in (ICMP, ICMPV6):
        return addresses, protocol, transport[0:2] + transport[4:6]
    return addresses, protocol, transport[0:4]


def is_of_interest(packet):
    protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
    if protocol == ICMP:
        return packet[20] == 8
    if protocol == ICMPV6:
        return packet[40] == 128
    return protocol in (TCP, UDP, SCTP)


def print_identity(one):
    addresses, protocol, ports = one
    half, family = len(addresses) // 2, socket.AF_INET if len(addresses) == 8 else socket.AF_INET6
    source, destination = socket.inet_ntop(family, addresses[:half]), socket.inet_ntop(family, addresses[half:])
    return f"{source} -> {destination}, protocol {protocol}, {struct.unpack('!HH', ports)}"


# --- sending and catching them ---

class Wire:
    """Sockets in all containers. They die with an interface: reopen() after Biplane has made one anew."""

    def __init__(self, containers, interfaces=None):
        self.containers, self.interfaces = dict(containers), interfaces or {}
        self.senders, self.receivers = {}, {}
        self.poll = select.epoll()
        self.caught = collections.Counter()
        for key in self.containers:
            self.reopen(key)

    def close(self):
        for key in list(self.senders):
            self.forget(key)
        self.poll.close()

    def forget(self, key):
        for one in self.senders.pop(key, {}).values():
            one.close()
        for number in [number for number, (owner, _) in self.receivers.items() if owner == key]:
            self.poll.unregister(number)
            self.receivers.pop(number)[1].close()

    def reopen(self, key):
        self.forget(key)
        container = self.containers[key]
        self.senders[key] = {4: container.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
                             6: container.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)}
        for protocol in (ETH_P_IP, ETH_P_IPV6):  # each alone: a socket for everything would see what is sent, too
            receiver = container.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(protocol))
            receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            receiver.bind((self.interfaces.get(key, "eth0"), protocol))
            receiver.setblocking(False)
            self.receivers[receiver.fileno()] = key, receiver
            self.poll.register(receiver.fileno(), select.EPOLLIN)

    def send(self, key, packet):
        version = packet[0] >> 4
        destination = socket.inet_ntop(socket.AF_INET, packet[16:20]) if version == 4 else socket.inet_ntop(socket.AF_INET6, packet[24:40])
        self.senders[key][version].sendto(packet, (destination, 0))

    def catch(self, seconds=0.0):
        """Counts what has arrived, as (receiver, identity) -> packets."""
        for number, _ in self.poll.poll(seconds):
            owner, receiver = self.receivers[number]
            try:
                while True:
                    packet = receiver.recv(2048)
                    if is_of_interest(packet):
                        self.caught[owner, identity(packet)] += 1
            except BlockingIOError:
                pass

    def exchange(self, packets, wanted, is_settled=lambda: True, patience=2.0):
        """Sends (sender, packet) pairs. Returns when all of `wanted` (a set of (receiver, identity)) has arrived and is_settled()
        says that nothing is under way any more, or after `patience` seconds; with everything that arrived."""
        self.catch()
        self.caught = collections.Counter()
        for number, (key, packet) in enumerate(packets, 1):
            self.send(key, packet)
            if number % BURST == 0:
                self.catch()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.catch(0.005)
            if all(one in self.caught for one in wanted) and is_settled():
                break
        self.catch()
        return self.caught
