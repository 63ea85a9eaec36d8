#include "cli/live_tables.hpp"

#include <filesystem>

namespace biplane {

Result<LiveTables> open_live_tables(const Context& context, SharedTables::Access access) {
    const auto config = context.config();
    if (!config) return tl::unexpected(config.error());
    std::error_code error;
    const bool is_there = std::filesystem::exists(config->pin_directory, error);
    if (error) return failed_call("look into " + config->pin_directory, error.value());
    if (!is_there)
        return failure("there is no datapath on this node: " + config->pin_directory +
                       " does not exist (was biplaned ever started?)");
    auto tables = SharedTables::open(config->pin_directory, access);
    if (!tables) return tl::unexpected(tables.error());
    const auto numbering = read_numbering(config->store_directory);
    if (!numbering) return tl::unexpected(numbering.error());
    return LiveTables{*config, std::move(*tables), *numbering, TableNames(*numbering)};
}

}  // namespace biplane
