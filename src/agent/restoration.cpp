#include "agent/restoration.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/read_file.hpp"
#include "planes/shared_tables.hpp"
#include "store/node_stores.hpp"

namespace biplane {
namespace {

// The tables in force are those of another history; the next agent must not hold that against the new one.
Status forget_mark(const std::string& pin_directory) {
    const auto pinned = SharedTables::read_config(pin_directory);
    if (!pinned) return tl::unexpected(pinned.error());
    if (!*pinned || (*pinned)->version == 0) return {};
    const auto tables = SharedTables::open(pin_directory, SharedTables::Access::write);
    if (!tables) return tl::unexpected(tables.error());
    tables->config()->documents_mark = 0;
    return {};
}

}  // namespace

Status salvage_documents(const NodeConfig& config) {
    const auto salvaged = salvage_documents(config.store_directory);
    if (!salvaged) return tl::unexpected(salvaged.error());
    fmt::print("{}", stream_of(salvaged->documents));
    spdlog::info("these are the {} documents of revision {}, the newest one that can be read whole", salvaged->documents.size(),
                 salvaged->revision.number);
    return {};
}

Status restore_documents(const NodeConfig& config, const std::string& file) {
    const auto text = read_file(file == "-" ? "/dev/stdin" : file);
    if (!text) return tl::unexpected(text.error());
    const auto documents = parse_documents(*text, file);
    if (!documents) return tl::unexpected(documents.error());
    const auto state = put_documents({}, *documents);
    if (!state) return tl::unexpected(state.error());
    const auto revision = replace_documents(config.store_directory, *state);
    if (!revision) return tl::unexpected(revision.error());
    if (auto forgotten = forget_mark(config.pin_directory); !forgotten) return forgotten;
    spdlog::info("{} documents are stored as revision {}; they are in force when biplaned has started", documents->size(),
                 *revision);
    return {};
}

}  // namespace biplane
