"""Segmentation and checksum offload of workloads: the kernel plane carries segments of 64 KB whole; the user plane works with the
workloads' offloads untouched, and no receiver sees a bad checksum."""
import itertools
import re
import socket
import struct
import time

import pytest
from tenants import FAMILY, PLANE, WEB, Capture, Tenants

LARGE = 40_000  # a frame of that size is no frame of a wire: it is a segment that was never cut


@pytest.fixture(scope="module")
def tenants(make_lab):
    tenants = Tenants(make_lab())
    for tenant in PLANE:
        tenants[tenant, "web"].serve_iperf()
    return tenants


def iperf(client, *words):
    done = client.iperf(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def stream(client, address, *words):
    iperf(client, address, "--bytes", "100M", *words)


def frame_sizes(capture):
    return [packet.wirelen for packet in capture.packets()]


@pytest.mark.parametrize("family", WEB)
def test_the_kernel_plane_carries_segments_of_64_kb_between_local_workloads(tenants, family):
    with Capture(tenants["red", "web"], "eth0", "-s", "96", "-c", "2000", "tcp") as capture:
        stream(tenants["red", "near"], WEB[family])
    sizes = frame_sizes(capture)
    assert max(sizes) > 60_000, f"largest frame: {max(sizes)} bytes"


@pytest.mark.parametrize("family", WEB)
def test_the_kernel_plane_carries_them_across_nodes_inside_vxlan(tenants, family):
    with Capture(tenants.lab.nodes["node-a"], "fabric0", "-s", "96", "-c", "2000", "udp port 4789") as capture:
        stream(tenants["red", "far"], WEB[family])
    assert max(frame_sizes(capture)) > LARGE


def test_the_user_plane_sees_frames_of_mtu_size_only(tenants):
    mtu = int(re.search(r"mtu (\d+)", tenants["blue", "web"].ip("link", "show", "eth0")).group(1))
    with Capture(tenants["blue", "web"], "eth0", "-s", "96", "-c", "2000", "--direction=in", "tcp") as capture:
        stream(tenants["blue", "near"], WEB["ipv4"])
    assert max(frame_sizes(capture)) <= mtu + 14


@pytest.mark.parametrize("tenant", PLANE)
@pytest.mark.parametrize("name", ["web", "near", "far"])
def test_the_workloads_offloads_are_on(tenants, tenant, name):
    features = tenants[tenant, name].run("ethtool", "-k", "eth0").stdout
    for feature in ("tx-checksumming", "tcp-segmentation-offload", "generic-segmentation-offload", "generic-receive-offload"):
        assert re.search(rf"^{feature}: on", features, re.M), f"{feature} is not on in {tenant}/{name}"


def checksum_errors(container):
    """Name -> count, as the container's kernel keeps them."""
    rows = [row.split() for row in container.run("cat", "/proc/net/snmp").stdout.splitlines()]
    errors = {f"{names[0]}{name}": value for names, values in zip(rows[::2], rows[1::2])
              for name, value in zip(names[1:], values[1:]) if name == "InCsumErrors"}
    rows = [row.split() for row in container.run("cat", "/proc/net/snmp6").stdout.splitlines()]
    errors.update({name: value for name, value in rows if name.endswith("InCsumErrors")})
    assert "Tcp:InCsumErrors" in errors and "Udp6InCsumErrors" in errors
    return errors


@pytest.mark.parametrize("tenant, place, family", itertools.product(PLANE, ("near", "far"), WEB))
def test_no_receiver_sees_a_bad_checksum(tenants, tenant, place, family):
    ends = (tenants[tenant, "web"], tenants[tenant, place])
    before = [checksum_errors(end) for end in ends]
    stream(ends[1], WEB[family])
    stream(ends[1], WEB[family], "--reverse")
    iperf(ends[1], WEB[family], "--udp", "--bitrate", "20M", "--time", "1")
    assert [checksum_errors(end) for end in ends] == before


@pytest.mark.parametrize("place, family", itertools.product(("near", "far"), WEB))
def test_frames_from_the_user_plane_carry_right_checksums(tenants, place, family):
    """Not as the receiver's kernel says (it may trust its device) but computed again from the bytes."""
    with Capture(tenants["blue", "web"], "eth0", "-c", "400", "--direction=in", "tcp") as capture:
        stream(tenants["blue", place], WEB[family])
    packets = capture.packets()
    assert len(packets) > 100
    for packet in packets:
        network = packet.payload
        carried = network["TCP"].chksum
        del network["TCP"].chksum
        assert type(network)(bytes(network))["TCP"].chksum == carried


UDP_SEGMENT = 103  # include/uapi/linux/udp.h


@pytest.mark.parametrize("tenant, place, family", itertools.product(PLANE, ("near", "far"), WEB))
def test_trains_of_datagrams_arrive_whole_and_in_order(tenants, tenant, place, family):
    """QUIC hands its stack a train of datagrams in one piece, and a single one after it (UDP_SEGMENT, udp(7))."""
    port, size, in_train, trains = tenants.fresh_port(), 1200, 40, 30
    server = tenants.udp_server(tenant, "web", family, port, buffer=8 << 20)
    client = tenants[tenant, place].socket(FAMILY[family], socket.SOCK_DGRAM)
    client.connect((WEB[family], port))
    numbers = iter(range(trains * (in_train + 2)))

    def datagrams(count, length=size):
        return b"".join(struct.pack("!I", next(numbers)) + bytes(length - 4) for _ in range(count))

    sent = 0
    for _ in range(trains):
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        client.send(datagrams(in_train) + datagrams(1, 333))  # the last one of a train may be shorter
        client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
        client.send(datagrams(1))
        sent += in_train + 2
        time.sleep(0.005)
    arrived = [server.recv(65536) for _ in range(sent)]
    assert [struct.unpack("!I", one[:4])[0] for one in arrived] == list(range(sent))
    assert {len(one) for one in arrived} == {size, 333}
    client.close()
    server.close()
