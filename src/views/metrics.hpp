// The tables as Prometheus text (https://prometheus.io/docs/instrumenting/exposition_formats/): names end in their unit,
// counters in _total; labels have few values.
#pragma once
#include <string>

#include "planes/shared_tables.hpp"
#include "views/table_names.hpp"

namespace biplane {

std::string metrics_text(const SharedTables& tables, const TableNames& names);
inline constexpr char metrics_content_type[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace biplane
