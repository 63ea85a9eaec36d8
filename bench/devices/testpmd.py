"""DPDK's testpmd over AF_XDP: rewrites the Ethernet addresses and nothing else. The least a DPDK router could cost."""
import os
import subprocess
import time

import sending as t
from devices.device import Device, find_program
from lab import LabError


class Testpmd(Device):
    name, has_process, routes = "DPDK testpmd over AF_XDP", True, False

    def build(self):
        program = find_program("dpdk-testpmd", "dpdk-dev")
        self.make_namespaces()
        self.make_wires()
        self.log = self.lab.directory / f"testpmd-{self.key}.log"
        # Its main thread waits for a line on standard input; both threads are on the device's processor.
        with open(self.log, "ab") as log:
            process = self.dut.start(
                *t.ON_PROCESS_CPU, "stdbuf", "--output=L", program, "--no-huge", "--no-shconf", "--no-pci", "-m", 512, f"--file-prefix={self.lab.name}",
                "--lcores", f"0@{t.PROCESS_CPU},1@{t.PROCESS_CPU}", "--vdev", "net_af_xdp0,iface=in0", "--vdev", "net_af_xdp1,iface=out0",
                "--", "--forward-mode=mac", "--no-lsc-interrupt", "--no-rmv-interrupt", "--total-num-mbufs=16384",
                stdin=subprocess.PIPE, stdout=log, stderr=log, env=os.environ | {"RUNTIME_DIRECTORY": str(self.lab.directory)})
        self.processes.append(process)
        self._wait_until_it_forwards(process)

    def _wait_until_it_forwards(self, process, seconds=20):
        deadline = time.monotonic() + seconds
        while "Press enter to exit" not in self.log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"{self.name} did not start: {self.log.read_text(errors='replace')[-600:]}")
            time.sleep(0.05)

    def handled(self):
        return t.interface_counters(self.dut)["out0"][2]
