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

Status switch_offload(const std::string& interface, uint32_t command, const std::string& name, bool on) {
    ethtool_value value{command, on};
    return call_ethtool(interface, &value, (on ? "switch on " : "switch off ") + name);
}

}  // namespace

Result<std::string> driver_of(const std::string& interface) {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    if (auto asked = call_ethtool(interface, &info, "ask for the driver"); !asked) return tl::unexpected(asked.error());
    return std::string(info.driver, strnlen(info.driver, sizeof info.driver));
}

Status switch_gro(const std::string& interface, bool on) {
    return switch_offload(interface, ETHTOOL_SGRO, "generic receive offload", on);
}

Status switch_transmit_offloads(const std::string& interface, bool on) {
    // Segmentation first: without checksum offload the kernel would refuse to keep it, and say so in its log.
    const struct {
        uint32_t command;
        const char* name;
    } offloads[] = {{ETHTOOL_STSO, "TCP segmentation offload"},
                    {ETHTOOL_SGSO, "generic segmentation offload"},
                    {ETHTOOL_STXCSUM, "checksum offload"},
                    {ETHTOOL_SSG, "scatter/gather"}};
    for (const auto& offload : offloads)
        if (auto switched = switch_offload(interface, offload.command, offload.name, on); !switched) return switched;
    return {};
}

}  // namespace biplane
