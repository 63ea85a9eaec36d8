"""Frames as a workload that is up to something sends them: past its own stack."""
import socket
import time

from scapy.all import IP, Ether, IPv6


class Injector:
    """Sends raw frames as the workload TENANT/near."""

    def __init__(self, tenants, tenant):
        self.tenants, self.tenant = tenants, tenant
        container = tenants[tenant, "near"]
        container.run("ping", "-n", "-c", "1", "-W", "1", "10.0.0.10")  # makes the gateway known
        self.socket = container.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("eth0", 0))
        self.mac = container.ip("-o", "link", "show", "eth0").split("link/ether ")[1].split()[0]
        self.gateway = container.ip("neigh", "show", "169.254.1.1").split("lladdr ")[1].split()[0]

    def ether(self, **fields):
        return Ether(**{"src": self.mac, "dst": self.gateway, **fields})

    def port(self):
        return self.tenants.port_of(self.tenant, "near")

    def send(self, frame):
        self.socket.send(bytes(frame))

    def is_counted(self, reason, number, before):
        """Whether the port's drops under this reason reach `before` + `number`; the user plane is given a second."""
        deadline = time.monotonic() + 1
        while self.port()["drops"].get(reason, 0) < before + number and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.port()["drops"].get(reason, 0) == before + number


def ipv4(**fields):
    return IP(**{"src": "10.0.0.11", "dst": "10.0.0.10", **fields})


def ipv6(**fields):
    return IPv6(**{"src": "fd00:a::11", "dst": "fd00:a::10", **fields})
