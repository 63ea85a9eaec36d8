// How Biplane recognises its own interfaces: each carries an alias that says for which node and for what it was made. Whatever
// has no such alias is never changed or deleted.
#pragma once
#include <string>
#include <vector>

#include "control/documents/desired_state.hpp"
#include "host/links.hpp"

namespace biplane {

std::string alias_of_workload(const std::string& node, const Workload& workload);
std::string alias_of_host_port(const std::string& node, const std::string& network);
std::string alias_of_punt_port(const std::string& node);
std::string alias_of_cut_port(const std::string& node);

bool is_owned_by(const std::string& node, const Link& link);
bool is_workload_link(const std::string& node, const Link& link);
bool is_host_port(const std::string& node, const Link& link);

const Link* find_by_name(const std::vector<Link>& links, const std::string& name);

}  // namespace biplane
