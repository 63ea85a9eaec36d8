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
std::string alias_of_backstop(const std::string& node);

bool is_owned_by(const std::string& node, const Link& link);
bool is_workload_link(const std::string& node, const Link& link);
bool is_host_port(const std::string& node, const Link& link);
bool is_inner_port(const std::string& node, const Link& link);  // either end of one

// Of a host port's two ends, the datapath's: router_side_prefix and the VNI.
inline constexpr char router_side_prefix[] = "bphr-";
// Whether a program has to judge what comes in over it: a workload's host end, the datapath's side of a host port, the inner ends of
// the punt port and the cut port.
bool needs_program(const std::string& node, const Link& link);
// Whether Linux is never to have what comes in over it: the same, and the outer ends of those two.
bool needs_backstop(const std::string& node, const Link& link);

const Link* find_by_name(const std::vector<Link>& links, const std::string& name);

}  // namespace biplane
