// The log of changes: which documents, what was done to them, and by whom.
#pragma once
#include <string>

#include "agent/agent.hpp"

namespace biplane {

// "uid 0, pid 1234 ("biplane")". The command is that of the process as it is now; it may have ended meanwhile.
std::string title_of(const ApiSender& sender);

// One line for up to 50 documents, so that a log keeps each of them whole.
void log_changes(const ApiSender& sender, const ApplyOutcome& outcome);

}  // namespace biplane
