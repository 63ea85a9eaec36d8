// Files and directories that decide what is in force. They are opened only if nobody but root and this program's own user can have
// written them: no symbolic link in their place, no other owner, not writable for a group or for others, no FIFO and no device.
#pragma once
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

// The Error's code is ENOENT if there is nothing at `path`, EPERM if what is there may not be used.
Result<Fd> open_guarded_directory(const std::string& path);

// A regular file below the open directory; `path` is for messages. `flags` as of open(2). Never waits, whatever is there.
Result<Fd> open_guarded_file(int directory, const std::string& name, const std::string& path, int flags);
// The same by path; the directory itself is not looked at.
Result<Fd> open_guarded_file(const std::string& path, int flags);

// Makes the directory, mode 0700, and those above it, mode 0755, unless it is there.
Status make_guarded_directory(const std::string& path);

// All of an open file.
Result<std::string> read_all(int file, const std::string& path);

}  // namespace biplane
