#include "control/config/node_config.hpp"

#include <fmt/format.h>

#include "base/read_file.hpp"
#include "control/documents/names.hpp"
#include "control/yaml/yaml_reader.hpp"

namespace biplane {
namespace {

const std::vector<std::string> fabric_hooks = {"auto", "xdp", "tcx"};
const std::vector<std::string> workload_hooks = {"auto", "tcx", "clsact"};
const std::vector<std::string> log_levels = {"debug", "info", "warn", "error"};

Result<std::string> absolute_path(std::string_view text) {
    std::string path(text);
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    if (path.empty() || path[0] != '/') return failure(fmt::format("found \"{}\", expected an absolute path", text));
    return path;
}

std::vector<FabricConfig> read_fabrics(Findings& findings, YamlMap& config) {
    std::vector<FabricConfig> fabrics;
    const auto value = config.find("fabric");
    if (!value || (value->node->kind == YamlNode::Kind::list && value->node->items.empty())) return fabrics;
    for (const YamlValue& item : config.items("fabric", "a list of fabric interfaces")) {
        YamlMap fabric(findings, item, "a map like { interface: eth1, hook: auto }");
        FabricConfig read;
        read.interface = fabric.parsed<std::string>("interface", parse_interface_name, "the name of an interface");
        read.hook = fabric_hooks[fabric.choice("hook", fabric_hooks, 0)];
        fabric.refuse_other_keys();
        for (const FabricConfig& other : fabrics)
            if (other.interface == read.interface)
                findings.add(item.node->place, item.path, fmt::format("interface \"{}\" is named twice", read.interface));
        fabrics.push_back(std::move(read));
    }
    return fabrics;
}

uint32_t read_capacity(YamlMap& config, const std::string& key, uint32_t min, uint32_t max, uint32_t otherwise) {
    return static_cast<uint32_t>(config.number(key, min, max, otherwise));
}

std::string read_directory(YamlMap& config, const std::string& key, const std::string& otherwise) {
    return config.parsed<std::string>(key, absolute_path, "an absolute path", otherwise);
}

}  // namespace

Result<NodeConfig> parse_node_config(std::string_view text, const std::string& file) {
    const auto trees = parse_yaml(text, file);
    if (!trees) return tl::unexpected(trees.error());
    if (trees->size() != 1)
        return failure(fmt::format("{}found {} documents, expected one", prefix_of(file, {1, 1}), trees->size()));

    Findings findings(file);
    const YamlNode& root = trees->front();
    YamlMap config(findings, {&root, root.place, ""}, "a map with the node's configuration");
    NodeConfig read;
    read.node = config.parsed<std::string>("node", parse_dns_name, "the name of this node");
    read.fabrics = read_fabrics(findings, config);
    read.run_directory = read_directory(config, "runDirectory", read.run_directory);
    read.store_directory = read_directory(config, "storeDirectory", read.store_directory);
    read.pin_directory = read_directory(config, "pins", read.pin_directory);
    read.flows = read_capacity(config, "flows", 1024, 16777216, read.flows);
    read.routes = read_capacity(config, "routes", 256, 4194304, read.routes);
    read.workload_hook = workload_hooks[config.choice("workloadHook", workload_hooks, 0)];
    read.user_plane = config.boolean("userPlane", read.user_plane);
    read.log_level = log_levels[config.choice("logLevel", log_levels, 1)];
    config.refuse_other_keys();
    if (findings.error()) return tl::unexpected(*findings.error());
    return read;
}

Result<NodeConfig> read_node_config(const std::string& path) {
    const auto text = read_file(path);
    if (!text) return text.error().within("read the node's configuration");
    return parse_node_config(*text, path);
}

}  // namespace biplane
