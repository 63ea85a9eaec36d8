// Documents on their way to the agent, and the changes that it answers.
#pragma once
#include <string>
#include <vector>

#include "api/message.hpp"
#include "base/result.hpp"

namespace biplane {

// The body of a request with the documents of all `sources`: each a file, a directory, or "-" for standard input.
Result<std::string> request_body(const std::vector<std::string>& sources);

// The "changes" of an answer, a line each on stdout; its "warnings", if it has any, on stderr.
void print_changes(const Json& outcome, bool is_dry_run);

}  // namespace biplane
