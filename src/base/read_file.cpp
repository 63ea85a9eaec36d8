#include "base/read_file.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/fd.hpp"

namespace biplane {

Result<std::string> read_file(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return failed_call("open " + path, errno);
    std::string text;
    char buffer[65536];
    while (true) {
        const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed_call("read " + path, errno);
        if (count == 0) return text;
        text.append(buffer, static_cast<size_t>(count));
    }
}

}  // namespace biplane
