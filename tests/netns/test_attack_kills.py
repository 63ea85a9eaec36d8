"""Daemons killed, stopped and ended at random moments, under traffic in both planes. Flows of the kernel plane lose nothing, a denied
port stays closed in both planes whatever is dead, and both planes carry traffic again afterwards."""
import os
import random
import signal
import time

import pytest
import wire
from stream import Sink, Stream, header
from tenants import NEAR, PLANE, WEB, Tenants

KILLS = int(os.environ.get("BIPLANE_KILLS", "10"))  # make soak: 200
RATE = 500
ALLOWED_PORT, DENIED_PORT = 4002, 4001

GUARD = """apiVersion: biplane.dev/v1alpha1
kind: BiplanePolicy
metadata: {{ name: guard-{tenant} }}
spec:
  order: 1
  subject: {{ namespaceSelector: {{ matchLabels: {{ kubernetes.io/metadata.name: {tenant} }} }} }}
  ingress: [{{ action: deny, ports: [{{ protocol: UDP, port: {port} }}] }}]
"""


@pytest.fixture(scope="module")
def tenants(make_lab):
    scene = Tenants(make_lab())
    scene.lab.apply("---\n".join(GUARD.format(tenant=tenant, port=DENIED_PORT) for tenant in PLANE))
    for tenant in PLANE:
        wire.silence(scene[tenant, "web"])
    return scene


def strike(generator, node):
    """Ends one daemon of a node, or keeps it from running for a while, and sees to it that it runs again. Says what was done."""
    program = generator.choice(["agent", "user_plane"])
    process, how = getattr(node, program), generator.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
    process.send_signal(how)
    time.sleep(generator.choice([0, 0, 0.05, 0.3]))
    if how == signal.SIGSTOP:
        process.send_signal(signal.SIGCONT)
    else:
        process.wait(timeout=10)
        node.start_agent() if program == "agent" else node.start_user_plane()
    return f"{program} of {node.name}: {how.name}"


def test_random_kills_lose_no_packet_of_the_kernel_plane_and_open_nothing(tenants):
    seed = random.randrange(1 << 32)
    generator = random.Random(seed)
    sinks = {tenant: Sink(tenants[tenant, "web"]) for tenant in PLANE}
    headers = [header(NEAR["ipv4"], WEB["ipv4"], 5000, port) for port in (ALLOWED_PORT, DENIED_PORT)]
    streams = {tenant: Stream(tenants[tenant, "near"], headers, RATE) for tenant in PLANE}
    time.sleep(0.5)
    done = []
    for _ in range(KILLS):
        done.append(strike(generator, generator.choice(list(tenants.lab.nodes.values()))))
        time.sleep(generator.choice([0, 0.02, 0.2]))
    last_strike = time.monotonic_ns()
    time.sleep(1.5)
    sent = {tenant: stream.stop() for tenant, stream in streams.items()}
    seen = {tenant: sink.stop() for tenant, sink in sinks.items()}
    told = f"seed {seed}, after {done[-5:]}"
    for tenant in PLANE:
        assert not seen[tenant][DENIED_PORT], f"{tenant}: {len(seen[tenant][DENIED_PORT])} denied packets passed; {told}"
    lost = set(sent["red"][ALLOWED_PORT]) - set(seen["red"][ALLOWED_PORT])
    assert not lost, f"{len(lost)} of {len(sent['red'][ALLOWED_PORT])} packets of the kernel plane were lost; {told}"
    after = [moment for moment in sent["blue"][ALLOWED_PORT] if moment > last_strike + 500_000_000]
    missed = set(after) - set(seen["blue"][ALLOWED_PORT])
    assert after and not missed, f"the user plane carries {len(after) - len(missed)} of {len(after)} packets again; {told}"
    print(f"seed {seed}: {KILLS} strikes, {len(sent['red'][ALLOWED_PORT])} packets of the kernel plane, none lost;"
          f" {len(sent['blue'][ALLOWED_PORT]) - len(seen['blue'][ALLOWED_PORT])} of the user plane's lost meanwhile")
    for node in tenants.lab.nodes.values():
        assert node.biplane("flows", "--audit").returncode == 0
