#include "agent/owned_links.hpp"

#include <algorithm>

#include "control/config/node_config.hpp"

namespace biplane {
namespace {

std::string prefix_of_node(const std::string& node) { return "biplane " + node + " "; }

}  // namespace

std::string alias_of_workload(const std::string& node, const Workload& workload) {
    return prefix_of_node(node) + "workload " + workload.key() + " " + workload.interface;
}

std::string alias_of_host_port(const std::string& node, const std::string& network) {
    return prefix_of_node(node) + "host " + network;
}

std::string alias_of_punt_port(const std::string& node) { return prefix_of_node(node) + "punt"; }

std::string alias_of_cut_port(const std::string& node) { return prefix_of_node(node) + "cut"; }

std::string alias_of_backstop(const std::string& node) { return prefix_of_node(node) + "shut"; }

bool is_owned_by(const std::string& node, const Link& link) { return link.alias.starts_with(prefix_of_node(node)); }

bool is_workload_link(const std::string& node, const Link& link) {
    return link.alias.starts_with(prefix_of_node(node) + "workload ");
}

bool is_host_port(const std::string& node, const Link& link) { return link.alias.starts_with(prefix_of_node(node) + "host "); }

bool is_inner_port(const std::string& node, const Link& link) {
    return link.alias == alias_of_punt_port(node) || link.alias == alias_of_cut_port(node);
}

bool needs_program(const std::string& node, const Link& link) {
    if (is_workload_link(node, link)) return true;
    if (is_host_port(node, link)) return link.name.starts_with(router_side_prefix);
    return is_inner_port(node, link) && (link.name == punt_inner_name || link.name == cut_inner_name);
}

bool needs_backstop(const std::string& node, const Link& link) { return needs_program(node, link) || is_inner_port(node, link); }

const Link* find_by_name(const std::vector<Link>& links, const std::string& name) {
    const auto found = std::find_if(links.begin(), links.end(), [&](const Link& link) { return link.name == name; });
    return found == links.end() ? nullptr : &*found;
}

}  // namespace biplane
