#include "control/documents/names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/in_quotes.hpp"

namespace biplane {
namespace {

constexpr size_t label_length_max = 63;
constexpr size_t dns_name_length_max = 253;
constexpr size_t port_name_length_max = 15;
constexpr size_t interface_length_max = 15;  // IFNAMSIZ without the NUL
constexpr size_t path_length_max = 4095;     // PATH_MAX without the NUL

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alphanumeric(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_printable(char c) { return c > ' ' && c < '\x7f'; }

bool is_dns_label(std::string_view text) {
    return !text.empty() && text.size() <= label_length_max && text.front() != '-' && text.back() != '-' &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

bool is_dns_name(std::string_view text) {
    if (text.size() > dns_name_length_max) return false;
    for (size_t dot; (dot = text.find('.')) != text.npos; text.remove_prefix(dot + 1))
        if (!is_dns_label(text.substr(0, dot))) return false;
    return is_dns_label(text);
}

bool is_label_text(std::string_view text) {
    return !text.empty() && text.size() <= label_length_max && is_alphanumeric(text.front()) && is_alphanumeric(text.back()) &&
           std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

Result<std::string> accepted_if(bool is_accepted, std::string_view text, const char* expected) {
    if (!is_accepted) return failure(fmt::format("found {}, expected {}", in_quotes(text), expected));
    return std::string(text);
}

}  // namespace

Result<std::string> parse_name(std::string_view text) {
    return accepted_if(is_dns_label(text), text, "1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'");
}

Result<std::string> parse_dns_name(std::string_view text) {
    return accepted_if(
        is_dns_name(text), text,
        "a DNS name: up to 253 of a-z, 0-9, '-' and '.', each part of 1 to 63 starting and ending with a letter or digit");
}

Result<std::string> parse_port_name(std::string_view text) {
    const bool is_accepted = is_dns_label(text) && text.size() <= port_name_length_max && text.find("--") == text.npos &&
                             std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    return accepted_if(
        is_accepted, text,
        "a port's number, or its name: 1 to 15 of a-z, 0-9 and single '-', with a letter, not starting or ending with '-'");
}

Result<std::string> parse_workload_key(std::string_view text) {
    const size_t slash = text.find('/');
    const std::string_view space = slash == text.npos ? "default" : text.substr(0, slash);
    const std::string_view name = slash == text.npos ? text : text.substr(slash + 1);
    const auto accepted = accepted_if(is_dns_label(space) && is_dns_name(name), text, "a workload as NAMESPACE/NAME");
    if (!accepted) return accepted;
    return fmt::format("{}/{}", space, name);
}

Result<std::string> parse_interface_name(std::string_view text) {
    const bool is_accepted = !text.empty() && text.size() <= interface_length_max && text != "." && text != ".." &&
                             std::all_of(text.begin(), text.end(), [](char c) { return is_printable(c) && c != '/' && c != ':'; });
    return accepted_if(is_accepted, text,
                       "an interface name: 1 to 15 printable characters, no '/', ':' or white space, not \".\" or \"..\"");
}

Result<std::string> parse_netns(std::string_view text) {
    const bool is_path = !text.empty() && text[0] == '/';
    const bool is_accepted = !text.empty() && text.size() <= (is_path ? path_length_max : 255) && text != "." && text != ".." &&
                             std::all_of(text.begin(), text.end(), is_printable) && (is_path || text.find('/') == text.npos);
    return accepted_if(is_accepted, text, "the name of a network namespace, an absolute path to one, or a process id");
}

Result<std::string> parse_label_key(std::string_view text) {
    const size_t slash = text.find('/');
    const bool is_accepted =
        slash == text.npos ? is_label_text(text) : is_dns_name(text.substr(0, slash)) && is_label_text(text.substr(slash + 1));
    return accepted_if(is_accepted, text, "a label key like app or example.com/app");
}

Result<std::string> parse_label_value(std::string_view text) {
    return accepted_if(text.empty() || is_label_text(text), text,
                       "a label value: up to 63 of A-Z, a-z, 0-9, '-', '_' and '.', first and last alphanumeric");
}

}  // namespace biplane
