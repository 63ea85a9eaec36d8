#include "views/table_names.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/fd.hpp"

namespace biplane {
namespace {

std::string file_of(const std::string& store_directory) { return store_directory + "/numbering.json"; }

Status write_whole_file(const std::string& path, const std::string& text) {
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return failed_call("create " + path, errno);
    for (size_t done = 0; done < text.size();) {
        const ssize_t written = ::write(file.get(), text.data() + done, text.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed_call("write " + path, errno);
        done += static_cast<size_t>(written);
    }
    if (::fsync(file.get()) < 0) return failed_call("write " + path + " to the disk", errno);
    return {};
}

}  // namespace

Result<Numbering> read_numbering(const std::string& store_directory) {
    const std::string path = file_of(store_directory);
    std::ifstream file(path);
    if (!file && errno == ENOENT) return Numbering{};
    if (!file) return failed_call("read " + path, errno);
    std::stringstream text;
    text << file.rdbuf();
    auto numbering = numbering_from_json(text.str());
    if (!numbering)
        return failure(
            fmt::format("{} is damaged: {}; without it the flows of the running datapath change their meaning. Restore it, or run "
                        "biplaned --remove and start afresh",
                        path, numbering.error().message));
    return numbering;
}

Status write_numbering(const std::string& store_directory, const Numbering& numbering) {
    const std::string path = file_of(store_directory);
    const std::string early = path + ".new";
    if (auto written = write_whole_file(early, to_json(numbering)); !written) return written;
    if (::rename(early.c_str(), path.c_str()) < 0) return failed_call("replace " + path, errno);
    Fd directory(::open(store_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) < 0) return failed_call("write " + store_directory + " to the disk", errno);
    return {};
}

TableNames::TableNames(const Numbering& numbering) {
    for (const auto& [name, number] : numbering.ports) ports_[number] = name;
    for (const auto& [name, number] : numbering.zones) zones_[number] = name;
    for (const auto& [name, number] : numbering.next_hops) next_hops_[number] = name;
    for (const auto& [name, number] : numbering.rules) rules_[number] = name;
}

std::string TableNames::port_name(uint16_t number) const {
    const std::string name = port(number);
    return name.substr(name.find('/') + 1);
}

std::vector<std::pair<uint16_t, std::string>> TableNames::rules() const {
    std::vector<std::pair<uint16_t, std::string>> rules(rules_.begin(), rules_.end());
    std::sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return rules;
}

std::vector<std::string> TableNames::networks() const {
    std::vector<std::string> networks;
    for (const auto& [number, name] : zones_) networks.push_back(name);
    std::sort(networks.begin(), networks.end());
    return networks;
}

std::string TableNames::find(const Names& names, uint16_t number) {
    const auto found = names.find(number);
    return found == names.end() ? "#" + std::to_string(number) : found->second;
}

}  // namespace biplane
