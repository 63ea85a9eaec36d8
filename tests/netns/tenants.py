"""The scene of most live tests: tenants red (kernel plane) and blue (user plane) with equal addresses on two nodes.

    node-a: TENANT/web 10.0.0.10 fd00:a::10, TENANT/near .11 ::11        node-b: TENANT/far .20 ::20
"""
import socket
import subprocess
import time

WEB = {"ipv4": "10.0.0.10", "ipv6": "fd00:a::10"}
NEAR = {"ipv4": "10.0.0.11", "ipv6": "fd00:a::11"}
FAR = {"ipv4": "10.0.0.20", "ipv6": "fd00:a::20"}
FAMILY = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
PLANE = {"red": "kernel", "blue": "user"}
VNI = {"red": 100, "blue": 200}
PLACES = {"web": ("node-a", 10), "near": ("node-a", 11), "far": ("node-b", 20)}

NETWORK = """apiVersion: biplane.dev/v1alpha1
kind: VirtualNetwork
metadata: {{ name: {name} }}
spec: {{ vni: {vni}, subnets: [10.0.0.0/24, "fd00:a::/64"], plane: {plane} }}
"""
WORKLOAD = """apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: {{ name: {name}, namespace: {tenant} }}
spec: {{ network: {tenant}, node: {node}, addresses: [10.0.0.{host}, "fd00:a::{host}"], netns: {tenant}-{name}, hook: {hook} }}
"""


def documents(tenants=PLANE, hook="auto"):
    texts = [NETWORK.format(name=tenant, vni=VNI[tenant], plane=PLANE[tenant]) for tenant in tenants]
    texts += [WORKLOAD.format(tenant=tenant, name=name, node=node, host=host, hook=hook)
              for tenant in tenants for name, (node, host) in PLACES.items()]
    return "---\n".join(texts)


class Tenants:
    """The scene, built on a running lab."""

    def __init__(self, lab, hook="auto"):
        self.lab = lab
        for tenant in PLANE:
            for name in PLACES:
                lab.container(f"{tenant}-{name}")
        lab.apply(lab.node_documents() + "---\n" + documents(hook=hook))
        self._port = 20000

    def __getitem__(self, key):
        """tenants["red", "web"] -> its container"""
        return self.lab.containers["-".join(key)]

    def node_of(self, name):
        return self.lab.nodes[PLACES[name][0]]

    def port_of(self, tenant, name):
        return self.node_of(name).port(f"{tenant}/{name}")

    def fresh_port(self):
        """A port that no flow of this scene has had: the next packet to it is a first packet."""
        self._port += 1
        return self._port

    def udp_server(self, tenant, name, family, port, buffer=None):
        server = self[tenant, name].socket(FAMILY[family], socket.SOCK_DGRAM)
        if buffer:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUFFORCE if hasattr(socket, "SO_RCVBUFFORCE") else 33, buffer)
        server.bind(("", port))
        server.settimeout(1)
        return server

    def tcp_server(self, tenant, name, family, port):
        server = self[tenant, name].socket(FAMILY[family], socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("", port))
        server.listen(128)
        server.settimeout(5)
        return server

    def flows(self, node, tenant):
        return [flow for flow in self.lab.nodes[node].json("flows") if flow["network"] == tenant]


class Capture:
    """tcpdump in a namespace, from `with` on; afterwards `packets()` gives them as scapy packets."""

    def __init__(self, namespace, interface, *words):
        self.file = namespace.lab.directory / f"capture-{namespace.name}-{time.monotonic_ns()}.pcap"
        self.command = namespace.inside("tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-B", "16384", "-s", "2048", "-w", self.file,
                                        *words)
        self.namespace = namespace

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.namespace.lab.write_down(self.process)
        line = self.process.stderr.readline()
        while line and "listening on" not in line:
            line = self.process.stderr.readline()
        assert line, "tcpdump did not start"
        return self

    def __exit__(self, *_):
        size = -1
        while self.file.stat().st_size != size:  # until nothing is on its way into the file any more
            size = self.file.stat().st_size
            time.sleep(0.3)
        self.process.terminate()
        self.process.communicate(timeout=10)

    def packets(self):
        from scapy.all import rdpcap  # of everything: the protocols are loaded with it
        return rdpcap(str(self.file))
