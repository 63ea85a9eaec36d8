"""The limits: what the ground allows to a program that does nothing."""
from devices.device import BareDevice


class BareXdp(BareDevice):
    name, program, sink_at = "bare XDP redirect", "redirect_xdp", "xdp"


class BareTcx(BareDevice):
    name, program = "bare tcx redirect", "redirect_tcx"


class BareTcxPeer(BareDevice):
    name, program = "bare tcx redirect_peer", "redirect_tcx_peer"

    def handled(self):
        """A packet put at the peer has been received by the device only."""
        from sending import interface_counters
        return interface_counters(self.dut)["in0"][0]
