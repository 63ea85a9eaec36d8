#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/documents/document_kinds.hpp"
#include "control/documents/document_tree.hpp"

namespace biplane {
namespace {

// Collects how one tree differs from another, in the order of the keys.
class Differences {
   public:
    void compare(const std::string& path, const DocumentTree& before, const DocumentTree& after) {
        if (before == after) return;
        if (before.is_object() && after.is_object())
            compare_maps(path, before, after);
        else if (is_list_of_maps(before) && is_list_of_maps(after))
            compare_lists(path, before, after);
        else
            add(path, yaml_in_line(before), yaml_in_line(after));
    }

    std::string text() const {
        const std::string more = count_ > named_max ? fmt::format(", and {} more", count_ - named_max) : "";
        return fmt::format("{}{}", fmt::join(parts_, ", "), more);
    }

   private:
    static constexpr size_t named_max = 20;
    static constexpr char nothing[] = "(none)";

    static bool is_list_of_maps(const DocumentTree& tree) {
        return tree.is_array() && std::all_of(tree.begin(), tree.end(), [](const auto& item) { return item.is_object(); });
    }

    void add(const std::string& path, const std::string& before, const std::string& after) {
        if (++count_ <= named_max) parts_.push_back(fmt::format("{}: {} -> {}", path, before, after));
    }

    void compare_maps(const std::string& path, const DocumentTree& before, const DocumentTree& after) {
        const std::string start = path.empty() ? "" : path + ".";
        for (auto entry = before.begin(); entry != before.end(); ++entry) {
            const auto found = after.find(entry.key());
            if (found == after.end())
                add(start + entry.key(), yaml_in_line(entry.value()), nothing);
            else
                compare(start + entry.key(), entry.value(), *found);
        }
        for (auto entry = after.begin(); entry != after.end(); ++entry)
            if (!before.contains(entry.key())) add(start + entry.key(), nothing, yaml_in_line(entry.value()));
    }

    // What is equal at the beginning and at the end of both is passed over, so that a new first rule is one difference.
    void compare_lists(const std::string& path, const DocumentTree& before, const DocumentTree& after) {
        const size_t shorter = std::min(before.size(), after.size());
        size_t start = 0, tail = 0;
        while (start < shorter && before[start] == after[start]) ++start;
        while (tail < shorter - start && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
        for (size_t i = start; i < std::max(before.size(), after.size()) - tail; ++i) {
            const std::string item = fmt::format("{}[{}]", path, i);
            if (i >= after.size() - tail)
                add(item, yaml_in_line(before[i]), nothing);
            else if (i >= before.size() - tail)
                add(item, nothing, yaml_in_line(after[i]));
            else
                compare(item, before[i], after[i]);
        }
    }

    std::vector<std::string> parts_;
    size_t count_ = 0;
};

std::string describe_update(const DocumentValue& before, const DocumentValue& after) {
    Differences differences;
    differences.compare("", tree_of(before), tree_of(after));
    return differences.text();
}

// Both maps are sorted by name: one walk over the two.
template <typename T>
void add_changes(std::vector<Change>& changes, const char* kind, const std::map<std::string, T>& before,
                 const std::map<std::string, T>& after) {
    auto old_one = before.begin();
    auto new_one = after.begin();
    while (old_one != before.end() || new_one != after.end()) {
        if (new_one == after.end() || (old_one != before.end() && old_one->first < new_one->first)) {
            changes.push_back({Change::Action::remove, kind, (old_one++)->first, ""});
        } else if (old_one == before.end() || new_one->first < old_one->first) {
            changes.push_back({Change::Action::create, kind, (new_one++)->first, ""});
        } else {
            if (!(old_one->second == new_one->second))
                changes.push_back(
                    {Change::Action::update, kind, new_one->first, describe_update(old_one->second, new_one->second)});
            ++old_one, ++new_one;
        }
    }
}

}  // namespace

std::vector<Change> changes_between(const DesiredState& before, const DesiredState& after) {
    std::vector<Change> changes;
    visit_maps([&](const char* kind, auto map) { add_changes(changes, kind, before.*map, after.*map); });
    return changes;
}

}  // namespace biplane
