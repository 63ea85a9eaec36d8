#include "host/offloads.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/fd.hpp"

namespace biplane {
namespace {

Status call_ethtool(const std::string& interface, void* command, const std::string& attempted) {
    Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return failed_call("open a socket for ethtool", errno);
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = static_cast<char*>(command);
    if (ioctl(socket.get(), SIOCETHTOOL, &request) < 0) return failed_call(attempted + " of " + interface, errno);
    return {};
}

struct Offload {
    uint32_t get;
    uint32_t set;
    const char* name;
};

// What is as wanted is left alone: a driver may have taken the switch away (veth with XDP at its other end and segmentation).
Status switch_offload(const std::string& interface, const Offload& offload, bool on) {
    ethtool_value value{offload.get, 0};
    if (call_ethtool(interface, &value, std::string("ask for ") + offload.name) && (value.data != 0) == on) return {};
    value = {offload.set, on};
    return call_ethtool(interface, &value, std::string(on ? "switch on " : "switch off ") + offload.name);
}

}  // namespace

Result<std::string> driver_of(const std::string& interface) {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    if (auto asked = call_ethtool(interface, &info, "ask for the driver"); !asked) return tl::unexpected(asked.error());
    return std::string(info.driver, strnlen(info.driver, sizeof info.driver));
}

Status switch_gro(const std::string& interface, bool on) {
    return switch_offload(interface, {ETHTOOL_GGRO, ETHTOOL_SGRO, "generic receive offload"}, on);
}

Status switch_transmit_offloads(const std::string& interface, bool on) {
    // Segmentation first: without checksum offload the kernel would refuse to keep it, and say so in its log.
    const Offload offloads[] = {{ETHTOOL_GTSO, ETHTOOL_STSO, "TCP segmentation offload"},
                                {ETHTOOL_GGSO, ETHTOOL_SGSO, "generic segmentation offload"},
                                {ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, "checksum offload"},
                                {ETHTOOL_GSG, ETHTOOL_SSG, "scatter/gather"}};
    for (const Offload& offload : offloads)
        if (auto switched = switch_offload(interface, offload, on); !switched) return switched;
    return {};
}

}  // namespace biplane
