// What must hold between documents.
#pragma once
#include <string>
#include <unordered_set>
#include <vector>

#include "control/documents/documents.hpp"

namespace biplane {

// Is `state` consistent? An error stands at the offending key of one of `documents`, those just put in, as no other can have
// broken it. Of two that contradict each other, it is the later one.
Status check_documents(const DesiredState& state, const std::vector<Document>& documents);

// Does nothing in `state` refer to one of the `removed` documents, which it does not hold any more? Titles: "Kind name". The
// error names who does.
Status check_unused(const DesiredState& state, const std::unordered_set<std::string>& removed);

}  // namespace biplane
