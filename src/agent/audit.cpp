#include "agent/audit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "base/in_quotes.hpp"
#include "base/read_file.hpp"
#include "views/document_json.hpp"

namespace biplane {

std::string title_of(const ApiSender& sender) {
    auto command = read_file(fmt::format("/proc/{}/comm", sender.pid));
    if (command && command->ends_with('\n')) command->pop_back();
    return fmt::format("uid {}, pid {} ({})", sender.user, sender.pid, command ? in_quotes(*command) : "ended");
}

void log_changes(const ApiSender& sender, const ApplyOutcome& outcome) {
    constexpr size_t changes_per_line = 50;
    const std::string who = title_of(sender);
    for (size_t begin = 0; begin < outcome.changes.size(); begin += changes_per_line) {
        std::vector<std::string> texts;
        for (size_t i = begin; i < std::min(begin + changes_per_line, outcome.changes.size()); ++i) {
            const Change& change = outcome.changes[i];
            texts.push_back(fmt::format("{} {} {}", to_string(change.action), change.kind, change.name));
        }
        spdlog::info("audit: revision {} by {}: {}", outcome.revision, who, fmt::join(texts, ", "));
    }
}

}  // namespace biplane
