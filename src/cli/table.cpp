#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace biplane {

std::string cell_text(const Json& value) {
    if (value.is_null()) return "-";
    if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
    if (value.is_string()) return value.get<std::string>().empty() ? "-" : value.get<std::string>();
    if (value.is_number_float()) return fmt::format("{:.1f}", value.get<double>());
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const Json& element : value) text += (text.empty() ? "" : ",") + cell_text(element);
    return text.empty() ? "-" : text;
}

TablePrinter::TablePrinter(std::ostream& out, std::vector<Column> columns, bool wide) : out_(out), columns_(std::move(columns)) {
    if (!wide) std::erase_if(columns_, [](const Column& column) { return column.is_wide; });
    std::vector<std::string> titles;
    for (const Column& column : columns_) {
        titles.push_back(column.title);
        widths_.push_back(column.title.size());
    }
    held_.push_back(std::move(titles));
}

void TablePrinter::add(const Json& row) {
    std::vector<std::string> cells;
    for (const Column& column : columns_) cells.push_back(row.contains(column.field) ? cell_text(row[column.field]) : "-");
    if (is_measured_) return print_line(cells);
    for (size_t i = 0; i < cells.size(); ++i) widths_[i] = std::max(widths_[i], cells[i].size());
    held_.push_back(std::move(cells));
    if (held_.size() > rows_measured) print_held();
}

void TablePrinter::finish() {
    if (!is_measured_) print_held();
}

void TablePrinter::print_held() {
    is_measured_ = true;
    for (const auto& cells : held_) print_line(cells);
    held_.clear();
}

void TablePrinter::print_line(const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
        const std::string padding(widths_[i] - std::min(widths_[i], cells[i].size()), ' ');
        line += (i == 0 ? "" : "  ") + (columns_[i].is_number ? padding + cells[i] : cells[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out_ << line << '\n';
}

void print_table(std::ostream& out, const std::vector<Column>& columns, bool wide, const Json& rows) {
    TablePrinter printer(out, columns, wide);
    for (const Json& row : rows) printer.add(row);
}

}  // namespace biplane
