"""Tunnels that workloads make among themselves: a VXLAN device in a container (an overlay network, Kubernetes in Kubernetes), GRE and
IPIP. What such a tunnel leaves on a socket buffer (its mark, segments of 64 KB) is carried like anything else, on one node and to
another, in both planes."""
import itertools
import pathlib
import shutil
import subprocess

import pytest
from tenants import FAR, PLANE, PLACES, WEB, Capture, Tenants

SOURCE = pathlib.Path(__file__).resolve().parent
INSIDE = {"near": "10.9.1.11", "far": "10.9.1.20"}  # web's partner in its tunnel; its own address there is .10
VXLAN_BYTES = {"ipv4": 50, "ipv6": 70}


@pytest.fixture(scope="module")
def tenants(make_lab):
    tenants = Tenants(make_lab())
    for tenant in PLANE:
        tenants[tenant, "web"].serve_iperf()
    return tenants


def tunnel(tenants, tenant, place, family):
    """A VXLAN device in web and one in the other workload, over addresses of that family."""
    ends = {"web": WEB, "near": {"ipv4": "10.0.0.11", "ipv6": "fd00:a::11"}, "far": FAR}
    for name, other in (("web", place), (place, "web")):
        container, vni = tenants[tenant, name], 7 if family == "ipv4" else 8
        mtu = 1450 - VXLAN_BYTES[family]
        container.run("ip", "link", "delete", "vx0")
        container.ip("link", "add", "vx0", "mtu", mtu, "type", "vxlan", "id", vni, "dstport", 4790,
                     "local", ends[name][family], "remote", ends[other][family])
        container.ip("address", "add", f"10.9.1.{PLACES[name][1]}/24", "dev", "vx0")
        container.ip("link", "set", "vx0", "up")


def stream(client, *words):
    done = client.iperf("10.9.1.10", "--bytes", "30M", *words, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tenant, place, family", itertools.product(PLANE, INSIDE, WEB))
def test_tcp_and_udp_pass_through_a_vxlan_device_of_a_workload(tenants, tenant, place, family):
    tunnel(tenants, tenant, place, family)
    client = tenants[tenant, place]
    assert "3 received" in client.run("ping", "-c", "3", "-i", "0.1", "-W", "2", "10.9.1.10").stdout
    stream(client)
    stream(client, "--reverse")
    done = client.iperf("10.9.1.10", "--udp", "--bitrate", "20M", "--length", "1200", "--time", "1", timeout=30)
    assert done.returncode == 0 and "(0%)" in done.stdout.splitlines()[-3], done.stdout + done.stderr


@pytest.mark.parametrize("family", WEB)
def test_in_the_kernel_plane_they_stay_whole_on_one_node(tenants, family):
    tunnel(tenants, "red", "near", family)
    with Capture(tenants["red", "web"], "eth0", "-s", "96", "-c", "2000", "udp port 4790") as capture:
        stream(tenants["red", "near"])
    assert max(packet.wirelen for packet in capture.packets()) > 40_000


def test_a_tunnel_in_a_tunnel_of_a_workload_passes_too(tenants):
    tunnel(tenants, "red", "far", "ipv4")
    for name, other in (("web", 20), ("far", 10)):
        container = tenants["red", name]
        container.ip("link", "add", "vx1", "mtu", 1350, "type", "vxlan", "id", 9, "dstport", 4791,
                     "local", f"10.9.1.{PLACES[name][1]}", "remote", f"10.9.1.{other}")
        container.ip("address", "add", f"10.9.2.{PLACES[name][1]}/24", "dev", "vx1")
        container.ip("link", "set", "vx1", "up")
    done = tenants["red", "far"].iperf("10.9.2.10", "--bytes", "30M", timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


# --- tunnels that this kernel may have no devices for ---

@pytest.fixture(scope="module")
def programs_object(tenants):
    """tunnel.bpf.cpp, compiled."""
    clang = next(path for number in range(19, 13, -1) if (path := shutil.which(f"clang-{number}")))
    target = tenants.lab.directory / "tunnel.bpf.o"
    subprocess.run([clang, "-x", "c++", "-std=c++20", "-O2", "-g", "-target", "bpf", "-mcpu=v3", "-ffreestanding", "-fno-exceptions",
                    "-fno-rtti", f"-I{SOURCE.parent.parent / 'src'}", "-isystem", "/usr/include/x86_64-linux-gnu",
                    "-c", SOURCE / "tunnel.bpf.cpp", "-o", target], check=True)
    return target


@pytest.fixture(params=["gre", "ipip"])
def wrapped(tenants, programs_object, request):
    """All TCP of red's workloads in that tunnel, wrapped and unwrapped at their interfaces."""
    for name in PLACES:
        container = tenants["red", name]
        container.ip("route", "change", "default", "via", "169.254.1.1", "dev", "eth0", "advmss", 1300)
        container.run("tc", "qdisc", "add", "dev", "eth0", "clsact")
        for side, section in (("egress", f"wrap-{request.param}"), ("ingress", f"unwrap-{request.param}")):
            done = container.run("tc", "filter", "replace", "dev", "eth0", side, "prio", 1, "handle", 1, "bpf", "da",
                                 "obj", programs_object, "sec", section)
            assert done.returncode == 0, done.stderr
    yield
    for name in PLACES:
        tenants["red", name].run("tc", "qdisc", "delete", "dev", "eth0", "clsact")
        tenants["red", name].ip("route", "change", "default", "via", "169.254.1.1", "dev", "eth0")


@pytest.mark.parametrize("place", INSIDE)
def test_tcp_in_gre_and_ipip_is_measured_by_its_segments(tenants, wrapped, place):
    before = tenants.port_of("red", place)["drops"]
    done = tenants["red", place].iperf(WEB["ipv4"], "--bytes", "30M", timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    after = tenants.port_of("red", place)["drops"]
    assert {reason: after.get(reason, 0) - before.get(reason, 0) for reason in ("mtu-exceeded", "rewrite-failed")} == \
        {"mtu-exceeded": 0, "rewrite-failed": 0}
