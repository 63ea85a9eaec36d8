// Writing trees as YAML.
#include <fmt/format.h>

#include <algorithm>

#include "control/documents/document_tree.hpp"
#include "control/yaml/yaml_scalar.hpp"

namespace biplane {
namespace {

// Would a YAML reader take these plain characters for something else than a text? What begins with a digit is quoted in any case,
// unless it is an IPv4 address: other readers know more forms of numbers than we do.
bool is_ambiguous(const std::string& text) {
    const bool may_be_number = text[0] >= '0' && text[0] <= '9' && std::count(text.begin(), text.end(), '.') < 2;
    return may_be_number || resolve_plain(text).type != PlainScalar::Type::text;
}

bool is_plain(const std::string& text) {
    const auto is_letter_or_digit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (text.empty() || is_ambiguous(text) || (!is_letter_or_digit(text[0]) && text[0] != '/')) return false;
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c == '/'; });
}

// Every text in a document is printable ASCII: the names room saw to that.
std::string yaml_text(const std::string& text) {
    if (is_plain(text)) return text;
    std::string written = "\"";
    for (const char c : text) written += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return written + "\"";
}

bool stands_on_one_line(const DocumentTree& value) {
    if (value.is_primitive() || value.empty()) return true;
    return value.is_array() && std::all_of(value.begin(), value.end(), [](const auto& item) { return item.is_primitive(); });
}

void write_map(std::string& text, const DocumentTree& map, size_t indent);

// What follows "key:", up to the end of its last line.
void write_value(std::string& text, const DocumentTree& value, size_t indent) {
    if (stands_on_one_line(value)) {
        text += " " + yaml_in_line(value) + "\n";
        return;
    }
    text += "\n";
    if (value.is_object()) {
        text.append(indent, ' ');
        write_map(text, value, indent);
        return;
    }
    for (const DocumentTree& item : value) {
        text.append(indent, ' ').append("- ");
        if (item.is_object() && !item.empty())
            write_map(text, item, indent + 2);
        else
            text += yaml_in_line(item) + "\n";
    }
}

// Starts at the end of `text`; further lines are indented.
void write_map(std::string& text, const DocumentTree& map, size_t indent) {
    for (auto entry = map.begin(); entry != map.end(); ++entry) {
        if (entry != map.begin()) text.append(indent, ' ');
        text += yaml_text(entry.key()) + ":";
        write_value(text, entry.value(), indent + 2);
    }
}

}  // namespace

std::string yaml_of(const DocumentTree& map) {
    std::string text;
    write_map(text, map, 0);
    return text;
}

std::string yaml_in_line(const DocumentTree& value) {
    if (value.is_string()) return yaml_text(value.get_ref<const std::string&>());
    if (value.is_number_unsigned()) return std::to_string(value.get<uint64_t>());
    if (value.is_primitive()) return value.dump();
    std::string text;
    for (auto entry = value.begin(); entry != value.end(); ++entry) {
        if (!text.empty()) text += ", ";
        if (value.is_object()) text += yaml_text(entry.key()) + ": ";
        text += yaml_in_line(entry.value());
    }
    return value.is_object() ? "{" + text + "}" : "[" + text + "]";
}

}  // namespace biplane
