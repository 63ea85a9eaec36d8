#include "host/sysctls.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.hpp"

namespace biplane {

Status set_interface_sysctl(const std::string& family, const std::string& interface, const std::string& key,
                            const std::string& value) {
    const std::string path = fmt::format("/proc/sys/net/{}/conf/{}/{}", family, interface, key);
    Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file && errno == ENOENT && ::access(fmt::format("/proc/sys/net/{}", family).c_str(), F_OK) < 0) return {};
    if (!file) return failed_call("open " + path, errno);
    if (::write(file.get(), value.data(), value.size()) < 0) return failed_call(fmt::format("write {} to {}", value, path), errno);
    return {};
}

}  // namespace biplane
