#include "agent/namespace_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/fd.hpp"
#include "base/read_file.hpp"

namespace biplane {
namespace {

std::string boot_id() { return read_file("/proc/sys/kernel/random/boot_id").value_or("unknown"); }

std::multimap<std::string, BoundNamespace> read_bound(const std::string& path) {
    std::multimap<std::string, BoundNamespace> bound;
    const auto text = read_file(path);
    const auto json = nlohmann::json::parse(text ? *text : "", nullptr, false);
    if (!json.is_object() || json.value("boot", nlohmann::json()) != boot_id() || !json.contains("namespaces")) return bound;
    for (const auto& one : json["namespaces"]) {
        const bool is_whole = one.is_object() && one.contains("workload") && one["workload"].is_string() && one.contains("netns") &&
                              one["netns"].is_string() && one.contains("cookie") && one["cookie"].is_number_unsigned();
        if (!is_whole) return {};
        bound.emplace(one["workload"].get<std::string>(),
                      BoundNamespace{one["netns"].get<std::string>(), one["cookie"].get<uint64_t>()});
    }
    return bound;
}

}  // namespace

NamespaceMemory::NamespaceMemory(std::string path) : path_(std::move(path)) {
    if (!path_.empty()) bound_ = read_bound(path_);
}

Status NamespaceMemory::remember(const BoundNamespaces& bound) {
    bool is_new = false;
    for (const auto& [key, one] : bound) {
        if (has(key, one)) continue;
        std::erase_if(bound_, [&](const auto& old) { return old.first == key && old.second.reference == one.reference; });
        bound_.emplace(key, one);
        is_new = true;
    }
    return is_new ? write() : Status{};
}

Status NamespaceMemory::keep_only(const DesiredState& desired) {
    const size_t forgotten = std::erase_if(bound_, [&](const auto& one) {
        const auto workload = desired.workloads.find(one.first);
        return workload == desired.workloads.end() || workload->second.netns != one.second.reference;
    });
    return forgotten == 0 ? Status{} : write();
}

bool NamespaceMemory::has(const std::string& key, const BoundNamespace& bound) const {
    const auto [begin, end] = bound_.equal_range(key);
    return std::any_of(begin, end, [&](const auto& one) { return one.second == bound; });
}

Status NamespaceMemory::write() const {
    if (path_.empty()) return {};
    nlohmann::json list = nlohmann::json::array();
    for (const auto& [key, one] : bound_) list.push_back({{"workload", key}, {"netns", one.reference}, {"cookie", one.cookie}});
    const std::string text = nlohmann::json{{"boot", boot_id()}, {"namespaces", list}}.dump() + "\n";
    const std::string early = path_ + ".new";
    ::unlink(early.c_str());
    const Fd file(::open(early.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return failed_call("create " + early, errno);
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return failed_call("write " + early, errno);
    if (::rename(early.c_str(), path_.c_str()) < 0) return failed_call("replace " + path_, errno);
    return {};
}

}  // namespace biplane
