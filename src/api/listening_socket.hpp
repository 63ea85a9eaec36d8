// The unix socket that the API is served on.
#pragma once
#include <optional>
#include <string>

#include "api/message.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

// Bound under another name, made private, then put in place: it is never there with a wider mode than 0600.
Result<Fd> bind_private_socket(const std::string& path);

struct Accepted {
    Fd fd;
    ApiSender sender;
    bool is_allowed;  // root, or the user of this process
};
// Nothing if there is no client any more. The Error's code is that of accept(2).
Result<std::optional<Accepted>> accept_client(const Fd& socket);

}  // namespace biplane
