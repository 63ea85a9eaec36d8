"""What sees packets that nobody should: a hostile workload's frames where they must never arrive.

    with Watch(tenants) as watch:          # both planes: hostile frames from TENANT/near, and eyes on all they could reach
        ...take something away...
    assert not watch.leaks
"""
import select
import socket
import struct
import threading
import time

from scapy.all import ARP, ICMP, IP, UDP, Ether, ICMPv6EchoRequest, ICMPv6ND_NS, IPv6, Raw
from tenants import FAMILY, PLANE

MARK = b"a door was open"
NODE = {"ipv4": "192.0.2.1", "ipv6": "2001:db8:f::1"}
BEYOND = {"ipv4": "192.0.2.2", "ipv6": "2001:db8:f::2"}  # the other node, through the stack of the first
OTHER = {"ipv4": "10.0.0.20", "ipv6": "fd00:a::20"}
SERVICE, DHCP_SERVER = 5999, 67
ROUNDS_PER_SECOND = 50
ETH_P_ALL = 0x0003


def hostile_frames(mac, gateway, host_end, tenant):
    """What a workload's policies and routes never let pass, and Linux would take: to the node, through it, and to everybody."""
    source = {"ipv4": "10.0.0.11", "ipv6": "fd00:a::11"}
    ip = {"ipv4": lambda **f: IP(**{"src": source["ipv4"], **f}), "ipv6": lambda **f: IPv6(**{"src": source["ipv6"], **f})}
    frames = []
    for family in NODE:
        for target in (NODE[family], BEYOND[family]):
            for destination_mac in (gateway, host_end):
                ether = Ether(src=mac, dst=destination_mac)
                echo = ICMP(id=7) if family == "ipv4" else ICMPv6EchoRequest(id=7)
                frames.append(ether / ip[family](dst=target) / UDP(sport=999, dport=SERVICE) / Raw(MARK))
                frames.append(ether / ip[family](dst=target) / echo / Raw(MARK))
        # From an address that it does not have, to another tenant's or its own network's workload, by the node's routes.
        spoofed = {"ipv4": "203.0.113.77", "ipv6": "2001:db8:77::7"}[family]
        frames.append(Ether(src=mac, dst=host_end) / ip[family](src=spoofed, dst=OTHER[family]) / UDP(dport=SERVICE) / Raw(MARK))
    groups = {"01:80:c2:00:00:00", "01:80:c2:00:00:0e", "ff:ff:ff:ff:ff:ff"}  # bridges hand the first two to the stack
    frames += [Ether(src=mac, dst=group) / IP(src=source["ipv4"], dst=NODE["ipv4"]) / UDP(dport=SERVICE) / Raw(MARK) for group in groups]
    frames.append(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255") /
                  UDP(sport=68, dport=DHCP_SERVER) / Raw(MARK))
    frames.append(Ether(src=mac, dst="01:00:5e:00:00:01") / IP(src="0.0.0.0", dst="224.0.0.1") / UDP(dport=SERVICE) / Raw(MARK))
    frames.append(Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src="fe80::1234", dst="ff02::1") / UDP(dport=SERVICE) / Raw(MARK))
    frames.append(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=mac, psrc=source["ipv4"], pdst=NODE["ipv4"]))
    frames.append(Ether(src=mac, dst="33:33:ff:00:00:01") / IPv6(src=source["ipv6"], dst="ff02::1:ff00:1", hlim=255) /
                  ICMPv6ND_NS(tgt=NODE["ipv6"]))
    return [bytes(frame) for frame in frames]


def is_in_clear(frame):
    """Whether a frame of the underlay carries a workload's packet without a tunnel."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800:
        return frame[26:29] == bytes([10, 0, 0]) or frame[30:33] == bytes([10, 0, 0])
    return kind == 0x86DD and (frame[22:30] == bytes.fromhex("fd00000a00000000") or frame[38:46] == bytes.fromhex("fd00000a00000000"))


class Watch:
    def __init__(self, tenants):
        self.tenants, self.node, self.leaks = tenants, tenants.lab.nodes["node-a"], []
        self.halt = threading.Event()
        self.sent, self.eyes = 0, []
        self.senders = []
        for tenant in PLANE:
            self.add_sender(tenant)
        self.add_services()
        self.add_captures()

    def add_sender(self, tenant):
        container = self.tenants[tenant, "near"]
        container.run("ping", "-n", "-c", "1", "-W", "1", "10.0.0.10")  # makes the gateway known
        mac = container.ip("-o", "link", "show", "eth0").split("link/ether ")[1].split()[0]
        gateway = container.ip("neigh", "show", "169.254.1.1").split("lladdr ")[1].split()[0]
        interface = self.tenants.port_of(tenant, "near")["interface"]
        host_end = self.node.ip("-o", "link", "show", interface).split("link/ether ")[1].split()[0]
        sender = container.socket(socket.AF_PACKET, socket.SOCK_RAW)
        sender.bind(("eth0", 0))
        self.senders.append((sender, hostile_frames(mac, gateway, host_end, tenant)))

    def add_services(self):
        """The node's own services, and every packet that its stack delivers."""
        for family in FAMILY:
            for port in (SERVICE, DHCP_SERVER):
                service = self.node.socket(FAMILY[family], socket.SOCK_DGRAM)
                service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == "ipv6":
                    service.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                service.bind(("", port))
                self.eyes.append((service, f"a service of the node ({family}, port {port})", lambda data: MARK in data))
            raw = self.node.socket(FAMILY[family], socket.SOCK_RAW, socket.IPPROTO_ICMP if family == "ipv4" else socket.IPPROTO_ICMPV6)
            self.eyes.append((raw, f"the node's stack (ICMP, {family})", lambda data: MARK in data))

    def add_captures(self):
        def capture(namespace, interface, title, is_leak):
            eye = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)  # without a protocol: until it is bound it sees nothing
            eye.bind((interface, ETH_P_ALL))
            self.eyes.append((eye, title, is_leak))

        capture(self.tenants.lab.nodes["node-b"], "fabric0", "the underlay", lambda data: MARK in data or is_in_clear(data))
        for tenant in PLANE:
            for name in ("web", "far"):
                capture(self.tenants[tenant, name], "eth0", f"{tenant}/{name}", lambda data: MARK in data)
            capture(self.tenants[tenant, "near"], "eth0", f"an answer at {tenant}/near", self.is_answer_of_node)

    @staticmethod
    def is_answer_of_node(frame):
        """ARP or neighbour advertisement for an address of the node, or an echo of what was sent."""
        kind = struct.unpack_from("!H", frame, 12)[0]
        if kind == 0x0806:
            return frame[20:22] == b"\0\2" and frame[28:32] == socket.inet_aton(NODE["ipv4"])
        if kind == 0x86DD and frame[20] == 58 and frame[54] == 136:
            return frame[62:78] == socket.inet_pton(socket.AF_INET6, NODE["ipv6"])
        return MARK in frame

    def __enter__(self):
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.send, self.look)]
        for thread in self.threads:
            thread.start()
        time.sleep(0.2)
        return self

    def __exit__(self, *_):
        time.sleep(0.3)
        self.halt.set()
        for thread in self.threads:
            thread.join()
        for opened in [sender for sender, _ in self.senders] + [eye for eye, *_ in self.eyes]:
            opened.close()

    def send(self):
        while not self.halt.is_set():
            for sender, frames in self.senders:
                for frame in frames:
                    try:
                        sender.send(frame)
                        self.sent += 1
                    except OSError:
                        pass  # the link is down
            time.sleep(1 / ROUNDS_PER_SECOND)

    def look(self):
        eyes = {eye: (title, is_leak) for eye, title, is_leak in self.eyes}
        while not self.halt.is_set():
            for eye in select.select(list(eyes), [], [], 0.1)[0]:
                data, address = eye.recvfrom(65536)
                title, is_leak = eyes[eye]
                if eye.family == socket.AF_PACKET and address[2] == socket.PACKET_OUTGOING:
                    continue
                if is_leak(data):
                    self.leaks.append((title, f"{Ether(data).summary()} at {address[0]}" if eye.family == socket.AF_PACKET else data[:64]))
