#include "control/yaml/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <variant>

namespace biplane {
namespace {

using Type = PlainScalar::Type;

// A whole number as sign and size; -0 does not exist.
struct Whole {
    bool is_negative;
    uint64_t size;
};
using Number = std::variant<Whole, double>;

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}
bool is_null(std::string_view text) { return is_one_of(text, {"", "~", "null", "Null", "NULL"}); }
bool is_true(std::string_view text) {
    return is_one_of(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"});
}
bool is_false(std::string_view text) {
    return is_one_of(text, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"});
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string without_underscores(std::string_view text) {
    std::string kept;
    std::copy_if(text.begin(), text.end(), std::back_inserter(kept), [](char c) { return c != '_'; });
    return kept;
}

// The base that a prefix asks for, and takes it away: 0x, 0o, 0b in either case, and 0 before further digits.
int take_base(std::string_view& digits) {
    if (digits.size() < 2 || digits[0] != '0') return 10;
    const char letter = static_cast<char>(digits[1] | 0x20);
    const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    digits.remove_prefix(base == 0 ? 1 : 2);
    return base == 0 ? 8 : base;
}

std::optional<Whole> parse_whole(std::string_view text) {
    // go-yaml takes the sign of a binary number behind its prefix, too.
    const bool has_inner_sign = text.size() > 3 && text.substr(0, 2) == "0b" && (text[2] == '+' || text[2] == '-');
    if (has_inner_sign) return parse_whole(text[2] + ("0b" + std::string(text.substr(3))));
    const bool has_sign = !text.empty() && (text[0] == '+' || text[0] == '-');
    const bool is_negative = has_sign && text[0] == '-';
    if (has_sign) text.remove_prefix(1);
    const int base = take_base(text);
    Whole whole{is_negative, 0};
    if (text.empty() || text[0] == '+' || text[0] == '-') return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole.size, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    constexpr uint64_t smallest = uint64_t{1} << 63, largest_with_sign = smallest - 1;
    if (is_negative && whole.size > smallest) return std::nullopt;
    if (has_sign && !is_negative && whole.size > largest_with_sign) return std::nullopt;  // only an unsigned number is larger
    whole.is_negative = is_negative && whole.size != 0;
    return whole;
}

// [-+] digits [. digits] [e [-+] digits], one of the two groups of digits may be missing.
bool has_form_of_float(std::string_view text) {
    const auto take = [&](auto is_wanted) {
        size_t count = 0;
        while (count < text.size() && is_wanted(text[count])) ++count;
        text.remove_prefix(count);
        return count;
    };
    const auto take_one = [&](std::string_view of) {
        const bool is_there = !text.empty() && of.find(text[0]) != of.npos;
        if (is_there) text.remove_prefix(1);
        return is_there;
    };
    take_one("+-");
    const size_t whole_digits = take(is_digit);
    const size_t digits = whole_digits + (take_one(".") ? take(is_digit) : 0);
    if (digits == 0) return false;
    if (!take_one("eE")) return text.empty();
    take_one("+-");
    return take(is_digit) > 0 && text.empty();
}

// Nothing also for what is too large: that stays a text.
std::optional<double> parse_float(std::string_view text) {
    if (!has_form_of_float(text)) return std::nullopt;
    if (text[0] == '+') text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) {
        const size_t exponent = text.find_first_of("eE");
        const bool is_tiny = exponent != text.npos && text[exponent + 1] == '-';
        return is_tiny ? std::optional(0.0) : std::nullopt;
    }
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// After a point at the start an underscore must stand between digits; elsewhere it may stand anywhere but in front.
bool has_stray_underscore(std::string_view text) {
    for (size_t at = text.find('_'); at != text.npos; at = text.find('_', at + 1)) {
        size_t before = at, after = at;
        while (before > 0 && text[before] == '_') --before;
        while (after < text.size() && text[after] == '_') ++after;
        if (after - before != 2 || after == text.size() || !is_digit(text[before]) || !is_digit(text[after])) return true;
    }
    return false;
}

std::optional<Number> parse_number(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (is_one_of(text, {".nan", ".NaN", ".NAN"})) return Number{std::nan("")};
    if (is_one_of(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) return Number{HUGE_VAL};
    if (is_one_of(text, {"-.inf", "-.Inf", "-.INF"})) return Number{-HUGE_VAL};
    if (!is_digit(text[0]) && text[0] != '+' && text[0] != '-' && text[0] != '.') return std::nullopt;
    if (text[0] == '.' && has_stray_underscore(text)) return std::nullopt;
    const std::string digits = without_underscores(text);
    if (text[0] != '.')
        if (const auto whole = parse_whole(digits)) return Number{*whole};
    if (const auto value = parse_float(digits)) return Number{*value};
    return std::nullopt;
}

std::optional<uint64_t> natural_of(const Number& number) {
    constexpr double natural_max = 18446744073709551616.0;  // 2^64, which is none any more
    if (const auto* whole = std::get_if<Whole>(&number)) return whole->is_negative ? std::nullopt : std::optional(whole->size);
    const double value = std::get<double>(number);
    if (!(value >= 0 && value < natural_max) || value != std::floor(value)) return std::nullopt;
    return static_cast<uint64_t>(value);
}

// A float as a key has the precision of 32 bits and the form of %g.
std::optional<std::string> key_of_float(double value) {
    const auto narrow = static_cast<float>(value);
    if (!std::isfinite(narrow)) return std::nullopt;
    std::array<char, 32> text;
    const auto [scientific_end, failed] =
        std::to_chars(text.data(), text.data() + text.size(), narrow, std::chars_format::scientific);
    if (failed != std::errc{}) return std::nullopt;
    const std::string scientific(text.data(), scientific_end);
    const int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
    constexpr int exponent_min = -4, exponent_end = 6;
    if (exponent < exponent_min || exponent >= exponent_end) return scientific;
    const auto [fixed_end, wrong] = std::to_chars(text.data(), text.data() + text.size(), narrow, std::chars_format::fixed);
    return wrong == std::errc{} ? std::optional(std::string(text.data(), fixed_end)) : std::nullopt;
}

std::optional<std::string> key_of_number(const Number& number) {
    constexpr uint64_t largest_with_sign = (uint64_t{1} << 63) - 1;
    const auto* whole = std::get_if<Whole>(&number);
    if (!whole) return key_of_float(std::get<double>(number));
    if (!whole->is_negative && whole->size > largest_with_sign) return std::nullopt;
    return (whole->is_negative ? "-" : "") + std::to_string(whole->size);
}

// Most scalars are texts, and their first letter says so.
bool is_surely_text(std::string_view text) { return !text.empty() && !std::strchr("~nNyYtTfFoO+-.0123456789", text[0]); }

}  // namespace

PlainScalar resolve_plain(std::string_view text) {
    if (is_surely_text(text)) return {.type = Type::text};
    if (is_null(text)) return {.type = Type::null};
    if (is_true(text)) return {.type = Type::boolean, .is_true = true};
    if (is_false(text)) return {.type = Type::boolean};
    if (const auto number = parse_number(text)) return {.type = Type::number, .natural = natural_of(*number)};
    return {.type = Type::text};
}

std::optional<std::string> key_of_plain(std::string_view text) {
    if (is_surely_text(text)) return std::string(text);
    if (is_null(text)) return std::nullopt;
    if (is_true(text)) return "true";
    if (is_false(text)) return "false";
    if (const auto number = parse_number(text)) return key_of_number(*number);
    return std::string(text);
}

}  // namespace biplane
