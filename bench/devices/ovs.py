"""Open vSwitch's user-space datapath, with a stateful policy: over AF_PACKET (netdev) and over DPDK's AF_XDP ports.

Everything it writes and every socket lies in the lab's directory, and all its processes run in the device's namespace. It is a
bridge here: it rewrites neither addresses nor TTL, which is in its favour.
"""
import os
import pathlib
import re
import subprocess
import time

import sending as t
from devices.device import Device, Skipped, find_program
from lab import LabError

SCHEMA = pathlib.Path("/usr/share/openvswitch/vswitch.ovsschema")
PLAIN, WITH_DPDK = "/usr/lib/openvswitch-switch/ovs-vswitchd", "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
READY_SECONDS = 20
# Ports: 1 towards the source, 2 towards the sink. The policy is that of the others: established, or new from the network.
POLICY = """table=0,priority=10,ip,ct_state=-trk,actions=ct(table=1,zone=1)
table=0,priority=10,ipv6,ct_state=-trk,actions=ct(table=1,zone=1)
table=0,priority=20,arp,actions=NORMAL
table=1,priority=20,ct_state=+trk+est,in_port=1,actions=output:2
table=1,priority=20,ct_state=+trk+est,in_port=2,actions=output:1
table=1,priority=10,ip,ct_state=+trk+new,in_port=1,nw_src=10.0.0.0/24,nw_dst=10.0.0.0/24,actions=ct(commit,zone=1),output:2
table=1,priority=10,ipv6,ct_state=+trk+new,in_port=1,ipv6_src=fd00:a::/64,ipv6_dst=fd00:a::/64,actions=ct(commit,zone=1),output:2
"""


class Ovs(Device):
    name, has_process = "OVS netdev, conntrack", True
    switch = PLAIN
    package = "openvswitch-switch"

    def build(self):
        for name in ("ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl", "ovs-appctl"):
            find_program(name, "openvswitch-switch")
        if not os.access(self.switch, os.X_OK):
            raise Skipped(f"{self.switch} is not installed (Debian package {self.package})")
        self.make_namespaces()
        self.make_wires()
        self.home = self.lab.directory / f"ovs-{self.key}"
        self.home.mkdir()
        # No variable of the caller's may lead it to the machine's own switch.
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "RUNTIME_DIRECTORY": str(self.home)} | {
            f"OVS_{what}DIR": str(self.home) for what in ("RUN", "LOG", "DB", "SYSCONF")}
        self._start_database()
        self._start_switch()
        self._make_bridge()

    def _run(self, *command, **options):
        done = self.dut.run(*command, env=self.environment, **options)
        if done.returncode:
            raise LabError(f"{self.name}: {command[0]}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def _vsctl(self, *words):
        return self._run("ovs-vsctl", f"--db=unix:{self.home}/db.sock", "--timeout=20", *words)

    def _start(self, *command):
        log = open(self.home / f"{pathlib.Path(command[0]).name}.out", "ab")
        with log:
            return self.dut.start(*t.ON_PROCESS_CPU, *command, env=self.environment, stdout=log, stderr=log, cwd=self.home)

    def _start_database(self):
        self._run("ovsdb-tool", "create", self.home / "conf.db", SCHEMA)
        self._start("ovsdb-server", self.home / "conf.db", f"--remote=punix:{self.home}/db.sock", f"--unixctl={self.home}/db.ctl",
                    "--verbose=off", "--no-chdir")
        self._wait_for(lambda: (self.home / "db.sock").exists(), "ovsdb-server")
        self._vsctl("--no-wait", "init")
        for setting in (f"pmd-cpu-mask={1 << t.PROCESS_CPU:#x}", *self.settings()):
            self._vsctl("--no-wait", "set", "Open_vSwitch", ".", f"other_config:{setting}")

    def settings(self):
        return ()

    def _start_switch(self):
        process = self._start(self.switch, f"unix:{self.home}/db.sock", f"--unixctl={self.home}/switch.ctl", "--no-chdir",
                              f"--log-file={self.home}/switch.log")
        self.processes.append(process)
        self._wait_for(lambda: (self.home / "switch.ctl").exists() or process.poll() is not None, "ovs-vswitchd")

    def _wait_for(self, is_there, what):
        deadline = time.monotonic() + READY_SECONDS
        while not is_there():
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: {what} was not ready after {READY_SECONDS} s")
            time.sleep(0.05)

    def _make_bridge(self):
        self._vsctl("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "fail_mode=secure")
        for number, interface in ((1, "in0"), (2, "out0")):
            name = self.port_name(interface)
            self._vsctl("add-port", "br0", name, "--", "set", "Interface", name, f"ofport_request={number}", *self.port_options(interface))
            problem = self._vsctl("get", "Interface", name, "error").strip()
            if problem != "[]":
                raise Skipped(f"OVS cannot open {interface}: {problem}")
        self._run("ovs-ofctl", "add-flows", f"unix:{self.home}/br0.mgmt", "-", input=POLICY)

    def port_name(self, interface):
        return interface

    def port_options(self, interface):
        return ()

    def handled(self):
        text = self._run("ovs-ofctl", "dump-ports", f"unix:{self.home}/br0.mgmt", self.port_name("out0"))
        return int(re.search(r"tx pkts=(\d+)", text)[1])

    def check(self, received):
        tracked = int(self._run("ovs-appctl", "-t", self.home / "switch.ctl", "dpctl/ct-get-nconns").strip() or 0)
        expected = self.traffic.flows or received
        if tracked < expected * 0.9:
            raise LabError(f"{self.name}: tracks {tracked} flows, not {expected}: it did not do its work")

    def forget_flows(self):
        self.wake()
        self._run("ovs-appctl", "-t", self.home / "switch.ctl", "dpctl/flush-conntrack")
        self.rest()


class OvsDpdk(Ovs):
    name = "OVS DPDK over AF_XDP, conntrack"
    switch, package = WITH_DPDK, "openvswitch-switch-dpdk"

    def settings(self):
        return ("dpdk-init=true", 'dpdk-extra="--no-huge --legacy-mem --no-shconf --no-pci -m 1024"',
                f"dpdk-lcore-mask={1 << t.PROCESS_CPU:#x}")

    def port_name(self, interface):
        return f"dpdk-{interface}"

    def port_options(self, interface):
        return ("type=dpdk", f"options:dpdk-devargs=net_af_xdp_{interface},iface={interface}")
