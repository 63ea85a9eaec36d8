#!/usr/bin/python3
"""Biplane's demo: two nodes, two tenants with equal addresses, two planes, real traffic. `make demo` runs it, as root.

    demo.py --programs build/dev/bin [--keep]

Ends with exit code 0 only if everything it shows held, and takes everything down again; --keep leaves it up.
"""
import argparse
import pathlib
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "netns"), str(HERE)]

import traffic  # noqa: E402
from lab import Lab, LabError  # noqa: E402
from screen import Screen  # noqa: E402

WEB = {"IPv4": "10.0.0.10", "IPv6": "fd00:a::10"}
FAR = {"IPv4": "10.0.0.20", "IPv6": "fd00:a::20"}
SECRET = {"IPv4": "10.0.0.99", "IPv6": "fd00:a::99"}  # only blue has it
PLANE = {"red": "kernel", "blue": "user"}
PATHS = {"near": "on one node", "far": "across nodes"}


def build(screen, lab):
    screen.title("Two nodes, two tenants")
    for node in lab.nodes.values():
        screen.step(f"{node.name}: agent and user plane run (fabric 192.0.2.0/24, VXLAN)")
    for tenant in PLANE:
        for name in ("web", "near", "far"):
            lab.container(f"{tenant}-{name}")
    lab.container("blue-secret")
    for file in ("networks", "nodes", "red", "blue"):
        lab.apply((HERE / f"{file}.yaml").read_text())
        screen.step(f"applied examples/demo/{file}.yaml on both nodes")
    for tenant in PLANE:
        web = lab.containers[f"{tenant}-web"]
        web.serve_web(f"I am {tenant}'s web server")
        web.serve_iperf()
    lab.containers["blue-secret"].serve_web("I am blue's secret")
    screen.step("nginx and iperf3 listen in red-web and in blue-web, both at 10.0.0.10 and fd00:a::10")


def show_traffic(screen, lab):
    for tenant, plane in PLANE.items():
        screen.title(f"Tenant {tenant}: the {plane} plane")
        for place, path in PATHS.items():
            client = lab.containers[f"{tenant}-{place}"]
            for family, address in WEB.items():
                where = f"{tenant} ({plane} plane), {path}, {family}"
                screen.check(f"{where}: the very first packet", traffic.first_ping(client, address))
                screen.check(f"{where}: ping", traffic.ping(client, address))
                screen.check(f"{where}: curl", traffic.fetch(client, address, f"I am {tenant}'s web server"))
                screen.check(f"{where}: curl, 8 MB", traffic.fetch_large(client, address))
                screen.check(f"{where}: iperf3 TCP", traffic.iperf_tcp(client, address))
                screen.check(f"{where}: iperf3 UDP", traffic.iperf_udp(client, lab.containers[f"{tenant}-web"], address))


def show_isolation(screen, lab):
    screen.title("Red cannot reach blue")
    node = lab.nodes["node-a"]
    for family, address in SECRET.items():
        screen.check(f"blue reaches blue's {address}",
                     traffic.fetch(lab.containers["blue-near"], address, "I am blue's secret"))
        for place, path in PATHS.items():
            client_node = lab.nodes["node-a" if place == "near" else "node-b"]
            carried = node.port("blue/secret")["transmitted"]
            dropped = client_node.port(f"red/{place}")["drops"].get("route-discard", 0)
            screen.check(f"red does not reach it, {path}, {family}", traffic.no_ping(lab.containers[f"red-{place}"], address))
            carried = node.port("blue/secret")["transmitted"] - carried
            dropped = client_node.port(f"red/{place}")["drops"].get("route-discard", 0) - dropped
            screen.check(f"... and the counters say so, {path}, {family}",
                         (carried == 0 and dropped >= 3, f"{dropped} dropped at red's port (route-discard), {carried} sent to blue"))


def show_policy(screen, lab):
    screen.title("A policy: of the clients, only near may reach the web servers")
    running = {tenant: traffic.start_pings(lab.containers[f"{tenant}-far"], WEB["IPv4"]) for tenant in PLANE}
    time.sleep(0.5)
    lab.apply((HERE / "policy.yaml").read_text())
    screen.step("applied examples/demo/policy.yaml on both nodes, while far pings")
    for tenant, plane in PLANE.items():
        where = f"{tenant} ({plane} plane)"
        screen.check(f"{where}: far's pings are cut", traffic.cut_pings(running[tenant]))
        for family, address in WEB.items():
            screen.check(f"{where}: near still reaches it, {family}",
                         traffic.fetch(lab.containers[f"{tenant}-near"], address, f"I am {tenant}'s web server"))
            screen.check(f"{where}: far does not, {family}", traffic.no_ping(lab.containers[f"{tenant}-far"], address))
    explained = lab.nodes["node-b"].biplane("policy", "explain", "red/far", "red/web", "tcp/80")
    screen.quote(explained.stdout + explained.stderr)
    rules = {row["lastRule"] for row in lab.nodes["node-b"].json("drops") if row["reason"] == "policy-ingress-denied"}
    wanted = {f"isolation/ingress/NetworkPolicy/{tenant}/web" for tenant in PLANE}
    screen.check("node-b: the drops name the policies", (rules == wanted, ", ".join(sorted(rules)) or "no rule"))
    for node in lab.nodes.values():
        node.biplane("delete", "NetworkPolicy", "red/web")
        node.biplane("delete", "NetworkPolicy", "blue/web")
    for tenant in PLANE:
        screen.check(f"{tenant}: without the policy far reaches it again",
                     traffic.fetch(lab.containers[f"{tenant}-far"], WEB["IPv4"], f"I am {tenant}'s web server"))


def flow_findings(flows, tenant):
    """What is wrong with a tenant's flows; both directions must have carried packets, in the tenant's own plane and zone."""
    mine = [flow for flow in flows if flow["network"] == tenant]
    if not mine:
        return "no flow"
    if len({flow["zone"] for flow in mine}) != 1:
        return "more than one zone"
    strays = [flow for flow in mine if flow["plane"] != PLANE[tenant]]
    if strays:
        return f"{len(strays)} of {len(mine)} flows in another plane"
    silent = [flow for flow in mine if flow["protocol"] == "tcp" and not (flow["packets"] and flow["replyPackets"])]
    return f"{len(silent)} TCP flows without packets in one direction" if silent else None


def show_state(screen, lab):
    for name, node in lab.nodes.items():
        screen.title(f"biplane flows, on {name}: plane, zone, both directions")
        screen.quote(node.biplane("flows").stdout, lines=16)
        flows, status = node.json("flows"), node.json("status")
        for tenant, plane in PLANE.items():
            wrong = flow_findings(flows, tenant)
            count = sum(flow["network"] == tenant for flow in flows)
            screen.check(f"{name}: {tenant}'s flows are in the {plane} plane, both directions", (not wrong, wrong or f"{count} flows"))
        screen.check(f"{name}: nobody asked user space for a decision", (status["upcalls"] == 0, f"{status['upcalls']} upcalls"))
        screen.check(f"{name}: no half pair", (status["flows"]["halfPairs"] == 0, f"{status['flows']['pairs']} pairs"))
        wrong = node.law_violations()
        screen.check(f"{name}: received = forwarded + delivered + punted + dropped, every port",
                     (not wrong, wrong[0] if wrong else f"{len(node.json('ports'))} ports"))
    for name, node in lab.nodes.items():
        screen.title(f"biplane drops, on {name}")
        screen.quote(node.biplane("drops").stdout)
    screen.title("biplane trace --from red/near --to 10.0.0.20 --proto tcp --dport 80, on node-a")
    trace = lab.nodes["node-a"].biplane("trace", "--from", "red/near", "--to", FAR["IPv4"], "--proto", "tcp", "--dport", "80")
    screen.quote(trace.stdout + trace.stderr)
    screen.check("trace: the packet would be forwarded to node-b",
                 (trace.returncode == 0 and "forward" in trace.stdout, f"exit code {trace.returncode}"))


def what_to_type(screen, lab):
    node, near = lab.nodes["node-a"], lab.containers["red-near"]
    biplane = f"nsenter --net=/run/netns/{node.netns} {lab.programs / 'biplane'} --config {node.config}"
    screen.title(f"The lab {lab.name} stays up. Type next:")
    screen.quote("\n".join([
        f"alias biplane-a='{biplane}'",
        "biplane-a status",
        "biplane-a flows --network red --watch",
        "biplane-a trace --from red/near --to 10.0.0.20 --proto tcp --dport 80",
        f"nsenter --net=/run/netns/{near.netns} curl http://10.0.0.10/",
        f"nsenter --net=/run/netns/{near.netns} ping 10.0.0.20",
        "",
        f"and to take it down:   {ROOT / 'tools/clean-lab'} {lab.name}",
    ]), lines=20)


def main():
    arguments = argparse.ArgumentParser(description="Two nodes, two tenants, two planes, real traffic.")
    arguments.add_argument("--programs", type=pathlib.Path, default=ROOT / "build" / "dev" / "bin")
    arguments.add_argument("--keep", action="store_true", help="leave it up and say what to type next")
    options = arguments.parse_args()
    screen = Screen()
    began = time.monotonic()
    try:
        with Lab(options.programs) as lab:
            build(screen, lab)
            show_traffic(screen, lab)
            show_isolation(screen, lab)
            show_policy(screen, lab)
            show_state(screen, lab)
            screen.summary(time.monotonic() - began)
            if options.keep:
                lab.keep()
                what_to_type(screen, lab)
    except LabError as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt as ended:
        sys.exit(ended.args[0] if ended.args else 128 + signal.SIGINT)
    sys.exit(0 if screen.all_held() else 1)


main()
