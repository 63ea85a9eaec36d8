#!/usr/bin/python3
"""TCP throughput beside a bare veth pair, on one machine in one run.

    bench/streams.py --programs build/dev/bin [--rounds 5] [--seconds 2] [--json FILE]

Ways are measured in turn (A B C, A B C, ...), never one after the other in a block, because machines are noisy: only ratios from
one run count. Client and server of iperf3 are pinned to different processors; the rate is what the receiver counted. Shown are the
median, the least and the greatest, and the median of the ratios to the bare pair of the same round.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "netns"))

from lab import Lab, LabError, checked  # noqa: E402
from tenants import WEB, Tenants  # noqa: E402

BARE = "bare veth pair"
# Way -> (client, server) as containers of the lab; all IPv4.
WAYS = {
    BARE: ("bare-client", "bare-server"),
    "kernel plane, one node": ("red-near", "red-web"),
    "kernel plane, across nodes (VXLAN)": ("red-far", "red-web"),
    "user plane, one node": ("blue-near", "blue-web"),
    "user plane, across nodes (VXLAN)": ("blue-far", "blue-web"),
}


def build(lab):
    """The scene of the live tests, and beside it a veth pair of the same MTU with nothing on it."""
    tenants = Tenants(lab)
    client, server = lab.container("bare-client"), lab.container("bare-server")
    client.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", server.netns)
    mtu = json.loads(checked("ip", "-n", tenants["red", "near"].netns, "-j", "link", "show", "eth0"))[0]["mtu"]
    for container, address in ((client, "10.0.0.11/24"), (server, WEB["ipv4"] + "/24")):
        container.ip("address", "add", address, "dev", "eth0")
        container.ip("link", "set", "eth0", "mtu", mtu, "up")
    for _, server_name in WAYS.values():
        container = lab.containers[server_name]
        if not container.run("ss", "-Hltn", "sport = :5201").stdout.strip():
            process = container.start("taskset", "--cpu-list", 0, "iperf3", "--server", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            container.wait_listening(5201, process)
    return mtu


def measure(lab, way, seconds):
    """Gbit/s at the receiver, and how often TCP sent again."""
    client = lab.containers[WAYS[way][0]]
    processor = (os.cpu_count() or 1) - 1
    done = client.run("taskset", "--cpu-list", processor, "iperf3", "--client", WEB["ipv4"], "--json", "--time", seconds, "--omit", 1)
    try:
        answer = json.loads(done.stdout)
        return answer["end"]["sum_received"]["bits_per_second"] / 1e9, answer["end"]["sum_sent"]["retransmits"]
    except (ValueError, KeyError):
        raise LabError(f"{way}: iperf3 failed: {done.stdout[-300:]}{done.stderr}") from None


def table(results):
    rows = [f"{'way':<36} {'median':>7} {'least':>7} {'most':>7}  {'of bare':>7}  {'spread':>13}  resent"]
    bare = results[BARE]["gbits"]
    for way, result in results.items():
        rates = result["gbits"]
        ratios = [rate / base for rate, base in zip(rates, bare)]
        result["ratio"] = statistics.median(ratios)
        rows.append(f"{way:<36} {statistics.median(rates):7.2f} {min(rates):7.2f} {max(rates):7.2f}  {result['ratio']:7.2f}"
                    f"  {min(ratios):5.2f} to {max(ratios):4.2f}  {sum(result['retransmits'])}")
    return "\n".join(rows)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--programs", type=pathlib.Path, default=ROOT / "build" / "dev" / "bin")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=int, default=2)
    arguments.add_argument("--json", type=pathlib.Path)
    options = arguments.parse_args()
    results = {way: {"gbits": [], "retransmits": []} for way in WAYS}
    try:
        with Lab(options.programs) as lab:
            mtu = build(lab)
            for number in range(1, options.rounds + 1):
                for way, result in results.items():
                    gbits, retransmits = measure(lab, way, options.seconds)
                    result["gbits"].append(gbits)
                    result["retransmits"].append(retransmits)
                    print(f"round {number} of {options.rounds}: {way:<36} {gbits:7.2f} Gbit/s", flush=True)
    except LabError as error:
        sys.exit(f"bench: {error}")
    print(f"\nTCP, one stream, IPv4, MTU {mtu}, Linux {platform.release()}, {os.cpu_count()} processors; Gbit/s\n")
    print(table(results))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"mtu": mtu, "kernel": platform.release(), "processors": os.cpu_count(),
                                            "seconds": options.seconds, "ways": results}, indent=2) + "\n")
        print(f"\nwritten to {options.json}")


main()
