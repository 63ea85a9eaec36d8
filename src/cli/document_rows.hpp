// What `get` shows of documents: a row for each, in the columns of its kind.
#pragma once
#include <string>
#include <vector>

#include "cli/table.hpp"

namespace biplane {

std::vector<Column> columns_of(const std::string& kind);
// `document` as the API gives it.
Json row_of(const Json& document);

}  // namespace biplane
