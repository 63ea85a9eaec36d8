// Rows of text under titles, for people. Columns keep their order and are separated by two spaces at least, so that other
// programs can cut them too; an empty cell is "-".
#pragma once
#include <iosfwd>
#include <string>
#include <vector>

#include "api/message.hpp"

namespace biplane {

struct Column {
    std::string title;
    std::string field;       // of the JSON object that is the row
    bool is_wide = false;    // only with -o wide
    bool is_number = false;  // aligned to the right
};

// Prints as rows come in; the widths are those of the first rows.
class TablePrinter {
   public:
    TablePrinter(std::ostream& out, std::vector<Column> columns, bool wide);
    ~TablePrinter() { finish(); }

    void add(const Json& row);
    void finish();  // prints what is still held back; the titles, if there was no row

   private:
    static constexpr size_t rows_measured = 1000;
    void print_line(const std::vector<std::string>& cells);
    void print_held();

    std::ostream& out_;
    std::vector<Column> columns_;
    std::vector<size_t> widths_;
    std::vector<std::vector<std::string>> held_;
    bool is_measured_ = false;
};

void print_table(std::ostream& out, const std::vector<Column>& columns, bool wide, const Json& rows);

// A value as a cell: text as it is, lists with commas, true and false as yes and no, nothing as "-".
std::string cell_text(const Json& value);

}  // namespace biplane
