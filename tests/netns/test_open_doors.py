"""Whatever is taken away from under the datapath, no packet passes that policy or routes would not let pass: not to the node's services,
not through the node into the underlay, not to another workload. What was taken away comes back within two seconds, and `status` tells."""
import contextlib
import errno
import os
import shutil
import signal
import time

import kernel_bpf
import pytest
from lab import checked
from tenants import FAR, PLANE, WEB, Tenants, documents
from test_crash import Pings, kill, wait_answered
from watchers import Watch

REPAIR_SECONDS = 2
PINGS_PER_SECOND = 50
ROUTE_TO_HOST = """apiVersion: biplane.dev/v1alpha1
kind: Route
metadata: { name: outside }
spec: { network: red, destination: 198.51.100.0/24, nextHop: host }
"""


def open_the_node(node):
    """What makes Linux a router, with a way to everywhere: Docker and others do so, after Biplane has started."""
    node.sysctl("net.ipv4.ip_forward", 1)
    node.sysctl("net.ipv6.conf.all.forwarding", 1)
    node.ip("route", "replace", "default", "via", "192.0.2.2")
    node.ip("-6", "route", "replace", "default", "via", "2001:db8:f::2")


@pytest.fixture(scope="module", params=["tcx", "clsact", "xdp"])
def hook(request):
    return request.param


@pytest.fixture(scope="module")
def tenants(hook, make_lab):
    lab = make_lab(hook="xdp" if hook == "xdp" else "auto", workload_hook="clsact" if hook == "clsact" else "auto",
                   underlay=("ipv4", "ipv6"))
    tenants = Tenants(lab, hook="xdp" if hook == "xdp" else "auto")
    lab.nodes["node-a"].apply(ROUTE_TO_HOST)
    open_the_node(lab.nodes["node-a"])
    return tenants


@pytest.fixture
def node(tenants):
    return tenants.lab.nodes["node-a"]


def pins(node):
    return node.lab.directory / "bpf" / node.name


def interface_of(tenants, name):
    """Of TENANT/near and so on, of "fabric", or of the "punt" port."""
    names = {"fabric": "fabric0", "punt": "biplane-punt1"}
    return names.get(name) or tenants.port_of(*name.split("/"))["interface"]


def ifindex_of(node, interface):
    return int(node.ip("-o", "link", "show", interface).split(":")[0])


def is_up(node, interface):
    return "UP" in node.ip("-o", "link", "show", interface).split("<")[1].split(">")[0].split(",")


def links_of(node, interface):
    """Pinned links (a directory: a clsact filter's mark)."""
    return [path for path in pins(node).iterdir() if path.name.endswith(f"_{ifindex_of(node, interface)}")]


def take_program_off(node, interface):
    for path in links_of(node, interface):
        if path.is_dir():
            checked(*node.inside("tc", "qdisc", "delete", "dev", interface, "clsact"))
        else:
            kernel_bpf.detach_link(path)


def has_linked_program(node, interface):
    return kernel_bpf.count_tcx_programs(node, ifindex_of(node, interface)) > 0 or "xdp" in node.ip("-o", "link", "show", interface)


def problems(node):
    return node.json("status")["problems"]


def wait_for_problem(node, *words, known=(), seconds=REPAIR_SECONDS):
    """One that is not `known`: what was mended stays in the list for a while, with its time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(all(word in text for word in words) and text not in known for text in problems(node)):
            return True
        time.sleep(0.05)
    return False


@contextlib.contextmanager
def closed_doors(tenants, lost_seconds=REPAIR_SECONDS):
    """Hostile frames and honest pings in both planes while the `with` lasts. Nothing leaks, the pings go on afterwards, and those that
    were lost were sent within `lost_seconds`; None: however long it took. Yields the problems known before."""
    known = problems(tenants.lab.nodes["node-a"])
    places = [(tenants[tenant, "near"], address["ipv4"]) for tenant in PLANE for address in (WEB, FAR)]
    with Watch(tenants) as watch:
        honest = [Pings(*place, PINGS_PER_SECOND) for place in places]
        time.sleep(0.3)
        yield known
        for place in places:
            assert wait_answered(*place, 5) is not None
        for pings in honest:
            pings.finish()
    assert watch.sent > 100
    assert not watch.leaks, f"{len(watch.leaks)} leaks, such as {watch.leaks[:3]}"
    if lost_seconds is not None:
        assert [pings.lost for pings in honest if pings.lost / PINGS_PER_SECOND > lost_seconds] == []


def test_nothing_leaks_while_all_is_well(tenants, hook):
    if hook != "tcx":
        pytest.skip("the test of the test")
    with closed_doors(tenants, 0.1):
        time.sleep(1)


def test_programs_that_are_taken_off_are_missed_and_come_back(tenants, node):
    titles = {interface_of(tenants, f"{tenant}/near"): f"Workload {tenant}/near" for tenant in PLANE}
    titles |= {"bphr-100": "the host port of red", "fabric0": "fabric fabric0", "biplane-punt1": "the punt port", "biplane-cut1": "the cut port"}
    with closed_doors(tenants) as known:
        for interface in titles:
            take_program_off(node, interface)
        for title in titles.values():
            assert wait_for_problem(node, "WARN", f"program of {title} was taken off, and is attached again", known=known), problems(node)
    assert all(is_up(node, interface) for interface in titles)


def test_a_frozen_agent_leaves_no_door_open(tenants, node):
    """Then nothing puts the program back: what stands behind it has to do."""
    interfaces = [interface_of(tenants, f"{tenant}/near") for tenant in PLANE] + ["bphr-100", "biplane-punt1", "biplane-cut1"]
    with closed_doors(tenants, None):
        with frozen(node.agent):
            for interface in interfaces:
                take_program_off(node, interface)
            time.sleep(1)


def test_a_filter_that_is_deleted_alone_is_missed(tenants, node, hook):
    if hook != "clsact":
        pytest.skip("links have no filters")
    interface = interface_of(tenants, "red/near")
    with closed_doors(tenants) as known:
        checked(*node.inside("tc", "filter", "delete", "dev", interface, "ingress"))
        assert wait_for_problem(node, "clsact program of Workload red/near was taken off, and is attached again", known=known), problems(node)


def test_pins_that_are_removed_change_nothing_and_come_back(tenants, node):
    before = sorted(path.name for path in pins(node).iterdir())
    with closed_doors(tenants, 0.1) as known:
        shutil.rmtree(pins(node))
        assert wait_for_problem(node, "WARN", "pins below", "are made again", known=known), problems(node)
    assert sorted(path.name for path in pins(node).iterdir()) == before
    assert node.user_plane.poll() is None and node.json("status")["userPlane"]["alive"]


def test_without_the_agent_and_the_pins_the_user_plane_holds_the_programs(tenants, node):
    flows = {(flow["network"], flow["source"], flow["destination"], flow["protocol"]) for flow in node.json("flows")}
    with closed_doors(tenants, 0.5):
        kill(node.agent)
        shutil.rmtree(pins(node))
        time.sleep(1)
        node.start_agent()
    assert node.json("status")["agent"]["adopted"] is True
    assert flows <= {(flow["network"], flow["source"], flow["destination"], flow["protocol"]) for flow in node.json("flows")}
    assert links_of(node, interface_of(tenants, "red/near"))


def test_without_both_daemons_and_the_pins_nothing_passes_and_no_link_comes_up_without_a_program(tenants, node, hook):
    interfaces = [interface_of(tenants, f"{tenant}/near") for tenant in PLANE]
    with closed_doors(tenants, None):
        kill(node.agent)
        kill(node.user_plane)
        shutil.rmtree(pins(node))
        deadline = time.monotonic() + 10  # the kernel detaches them when it has the time
        while any(has_linked_program(node, interface) for interface in interfaces) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        done = node.run(node.lab.programs / "biplaned", "--config", node.config, "--object", "/nowhere/biplane.bpf.o", timeout=15)
        assert done.returncode == 1 and "/nowhere/biplane.bpf.o" in done.stderr
        # Filters need no pin: where they are, the datapath goes on, and the links with it.
        assert [is_up(node, interface) for interface in interfaces] == [hook == "clsact"] * 2, done.stderr
        node.start_agent()
        node.start_user_plane()


@contextlib.contextmanager
def frozen(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def attach_foreign_programs(node, hook, interface):
    """One is all that XDP takes; tcx takes 64, then it is full."""
    kind, where = (kernel_bpf.XDP, kernel_bpf.ATTACH_XDP) if hook == "xdp" else (kernel_bpf.SCHED_CLS, kernel_bpf.ATTACH_TCX_INGRESS)
    descriptors = []
    for _ in range(1 if hook == "xdp" else kernel_bpf.TCX_PROGRAMS_MAX):
        descriptors.append(kernel_bpf.load_passing_program(kind))
        try:
            descriptors.append(kernel_bpf.attach(node, descriptors[-1], ifindex_of(node, interface), where))
        except OSError as error:
            assert error.errno == errno.ERANGE
            break
    return descriptors


@contextlib.contextmanager
def refused_attachment(node, hook, interface):
    """While the `with` lasts no program of ours can be attached to the interface, and ours is off."""
    if hook != "clsact":
        with frozen(node.agent):
            take_program_off(node, interface)
            descriptors = attach_foreign_programs(node, hook, interface)
        yield
        for descriptor in descriptors:
            os.close(descriptor)
        return
    program = kernel_bpf.load_passing_program(kernel_bpf.SCHED_CLS)
    pinned = node.lab.directory / "bpf" / f"foreign-{interface}"
    kernel_bpf.pin(program, pinned)
    with frozen(node.agent):
        checked(*node.inside("tc", "filter", "delete", "dev", interface, "ingress"))
        checked(*node.inside("tc", "filter", "add", "dev", interface, "ingress", "pref", "1", "protocol", "ip", "bpf", "da", "pinned", pinned))
    yield
    checked(*node.inside("tc", "filter", "delete", "dev", interface, "ingress"))
    pinned.unlink()
    os.close(program)


def test_links_are_down_while_their_programs_cannot_be_attached(tenants, node, hook):
    interfaces = {f"{tenant}/near": interface_of(tenants, f"{tenant}/near") for tenant in PLANE}
    with closed_doors(tenants, None), contextlib.ExitStack() as refused:
        for interface in interfaces.values():
            refused.enter_context(refused_attachment(node, hook, interface))
        for name, interface in interfaces.items():
            if hook == "xdp":  # tcx does the work
                assert wait_for_problem(node, f"Workload {name}", "another XDP program", "tcx is used instead", seconds=5), problems(node)
                assert node.port(interface)["hook"] == "tcx"
            else:
                assert wait_for_problem(node, f"ERR: Workload {name}", "its link is down", seconds=5), problems(node)
                assert not is_up(node, interface)
                assert node.biplane("status").returncode == 1
        refused.close()
    assert not [text for text in problems(node) if "its link is down" in text and "ERR" in text]


def test_the_punt_port_is_down_while_its_program_cannot_be_attached(tenants, node, hook):
    if hook != "tcx":
        pytest.skip("the punt port is the same with every hook")
    with closed_doors(tenants, None), refused_attachment(node, "xdp", "biplane-punt1"):
        assert wait_for_problem(node, "ERR", "the punt port", "another XDP program", seconds=5), problems(node)
        assert not is_up(node, "biplane-punt1")


def test_the_backstop_is_put_back(tenants, node, hook):
    if hook != "tcx":
        pytest.skip("the backstop is the same with every hook")
    interface = interface_of(tenants, "red/near")
    with closed_doors(tenants, 0.1):
        node.ip("link", "set", interface, "nomaster")
        node.ip("link", "set", "biplane-shut", "up")
        assert wait_for_problem(node, interface, "was no closed port of biplane-shut"), problems(node)
        assert wait_for_problem(node, "the bridge biplane-shut was set up"), problems(node)
    assert not is_up(node, "biplane-shut") and "master biplane-shut" in node.ip("-o", "link", "show", interface)


def test_a_hook_that_changes_leaves_no_door_open(tenants, node, hook):
    """Under way from one to the other there are two programs, never none."""
    with closed_doors(tenants, None):
        for other in ("xdp", "tcx", "auto" if hook != "xdp" else "xdp"):
            tenants.lab.apply(documents(hook=other))
            time.sleep(0.3)


# The last one: where another process has a mount namespace of its own, the old bpffs and its pins live on there, and hold the links.
def test_a_bpffs_that_is_unmounted_changes_nothing_and_comes_back(tenants, node, hook):
    if hook != "tcx":
        pytest.skip("pins are the same with every hook")
    before = sorted(path.name for path in pins(node).iterdir())
    nodes = tenants.lab.nodes.values()  # they share the mount
    known = [text for each in nodes for text in problems(each)]
    with closed_doors(tenants, 0.1):
        checked("umount", "--lazy", pins(node).parent)
        for each in nodes:
            assert wait_for_problem(each, "pins below", "are made again", known=known), problems(each)
    assert sorted(path.name for path in pins(node).iterdir()) == before
