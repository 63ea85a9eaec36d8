"""The limits: what the ground allows to a program that does nothing."""
import sending as t
from devices.device import BareDevice, Device


class BareXdp(BareDevice):
    name, program, sink_at = "bare XDP redirect", "redirect_xdp", "xdp"


class BareTcx(BareDevice):
    name, program = "bare tcx redirect", "redirect_tcx"


class BareTcxPeer(BareDevice):
    name, program = "bare tcx redirect_peer", "redirect_tcx_peer"

    def handled(self):
        """A packet put at the peer has been received by the device only."""
        return t.interface_counters(self.dut)["in0"][0]


class BareSocket(Device):
    """AF_XDP and nothing else; `budget` frames per kick, 0: the kernel's default."""
    name, has_process, routes, budget = "bare AF_XDP forwarding", True, False, 0

    def build(self):
        self.make_namespaces()
        self.make_wires()
        process = t.start_attached(self.dut, *t.ON_PROCESS_CPU, self.tools["socket-forward"], "--from", "in0",
                                   "--to", "out0", "--budget", self.budget)
        self.processes.append(process)

    def handled(self):
        """Nothing but the sockets can put a frame on the far wire."""
        return t.interface_counters(self.dut)["out0"][2]


class BareSocketRaised(BareSocket):
    name, budget = "bare AF_XDP forwarding, budget 256", 256
