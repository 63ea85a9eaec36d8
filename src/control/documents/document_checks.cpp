#include "control/documents/document_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_map>

#include "base/in_quotes.hpp"
#include "control/documents/document_addresses.hpp"

namespace biplane {
namespace {

// A key of a document: who to blame, and where.
struct Culprit {
    const char* kind;
    std::string name;
    std::string path;
    std::string title() const { return std::string(kind) + " " + name; }
};

class Checker {
   public:
    Checker(const DesiredState& state, const std::vector<Document>& documents) : state_(state) {
        for (size_t i = 0; i < documents.size(); ++i) order_[documents[i].kind + " " + documents[i].name] = i;
        documents_ = documents.data();
    }

    Status check() {
        for (const auto& [name, network] : state_.networks)
            if (auto s = check_network(network); !s) return s;
        for (const auto& [name, node] : state_.nodes)
            if (auto s = check_node(node); !s) return s;
        for (const auto& [key, workload] : state_.workloads)
            if (auto s = check_workload(workload); !s) return s;
        for (const auto& [name, route] : state_.routes)
            if (auto s = check_route(route); !s) return s;
        return {};
    }

   private:
    Status check_network(const VirtualNetwork& network) {
        return claim(fmt::format("vni {}", network.vni), {"VirtualNetwork", network.name, "spec.vni"},
                     fmt::format("VNI {} is already used by", network.vni));
    }

    Status check_node(const Node& node) {
        for (size_t i = 0; i < node.addresses.size(); ++i) {
            const Culprit culprit{"Node", node.name, address_path("Node", node.name, i)};
            const std::string address = to_string(node.addresses[i]);
            if (auto s = claim("underlay " + address, culprit, address + " is already used by"); !s) return s;
        }
        return {};
    }

    Status check_workload(const Workload& workload) {
        const std::string key = workload.key();
        const auto network = state_.networks.find(workload.network);
        if (network == state_.networks.end()) return unknown({"Workload", key, "spec.network"}, "VirtualNetwork", workload.network);
        if (!state_.nodes.count(workload.node)) return unknown({"Workload", key, "spec.node"}, "Node", workload.node);
        for (size_t i = 0; i < workload.addresses.size(); ++i)
            if (auto s = check_workload_address(workload, key, network->second, i); !s) return s;
        if (workload.netns.empty()) return {};
        const std::string interface = fmt::format("{} in {}", in_quotes(workload.interface), in_quotes(workload.netns));
        return claim(fmt::format("interface {} on {}", interface, workload.node), {"Workload", key, "spec.interface"},
                     fmt::format("interface {} on node {} is already used by", interface, in_quotes(workload.node)));
    }

    Status check_workload_address(const Workload& workload, const std::string& key, const VirtualNetwork& network, size_t i) {
        const Address& address = workload.addresses[i];
        const Culprit culprit{"Workload", key, address_path("Workload", key, i)};
        const std::string text = to_string(address);
        const Prefix* subnet = nullptr;
        for (const Prefix& candidate : network.subnets)
            if (contains(candidate, address)) subnet = &candidate;
        if (!subnet) {
            std::vector<std::string> subnets;
            for (const Prefix& candidate : network.subnets) subnets.push_back(to_string(candidate));
            return subnet_conflict(culprit, network,
                                   fmt::format("{} lies outside the subnets of network {} ({})", text, in_quotes(network.name),
                                               fmt::join(subnets, ", ")));
        }
        if (is_network_address(*subnet, address))
            return subnet_conflict(culprit, network, fmt::format("{} is the network address of {}", text, to_string(*subnet)));
        if (is_broadcast_address(*subnet, address))
            return subnet_conflict(culprit, network, fmt::format("{} is the broadcast address of {}", text, to_string(*subnet)));
        return claim(fmt::format("{} in {}", text, network.name), culprit,
                     fmt::format("{} is already used in network {} by", text, in_quotes(network.name)));
    }

    Status check_route(const Route& route) {
        if (!state_.networks.count(route.network))
            return unknown({"Route", route.name, "spec.network"}, "VirtualNetwork", route.network);
        if (const auto* to = std::get_if<ToNode>(&route.target); to && !state_.nodes.count(to->name))
            return unknown({"Route", route.name, "spec.nextHop.node"}, "Node", to->name);
        if (const auto* to = std::get_if<ToWorkload>(&route.target))
            if (auto s = check_route_to_workload(route, to->key); !s) return s;
        // A whole address is claimed as a workload's address is: one of the two would never be used.
        const bool is_host = route.destination.length == address_bits;
        const std::string text = is_host ? to_string(route.destination.address) : to_string(route.destination);
        return claim(fmt::format("{} in {}", text, route.network), {"Route", route.name, "spec.destination"},
                     fmt::format("{} is already used in network {} by", text, in_quotes(route.network)));
    }

    Status check_route_to_workload(const Route& route, const std::string& key) {
        const Culprit culprit{"Route", route.name, "spec.nextHop.workload"};
        const auto workload = state_.workloads.find(key);
        if (workload == state_.workloads.end()) return unknown(culprit, "Workload", key);
        if (workload->second.network == route.network) return {};
        return refuse(later(culprit, {"Workload", key, "spec.network"}),
                      fmt::format("Route {} of network {} leads to Workload {} of network {}", route.name, in_quotes(route.network),
                                  key, in_quotes(workload->second.network)));
    }

    // `what` belongs to one document only.
    Status claim(const std::string& what, const Culprit& claimant, const std::string& message) {
        const auto [holder, is_new] = holders_.try_emplace(what, claimant);
        if (is_new) return {};
        const Culprit& blamed = later(holder->second, claimant);
        const Culprit& other = &blamed == &claimant ? holder->second : claimant;
        const std::string where = is_put_in(other) ? place_of(other) : "";
        return refuse(blamed, fmt::format("{} {}{}", message, other.title(), where.empty() ? "" : " (" + where + ")"));
    }

    Status unknown(const Culprit& culprit, const char* kind, const std::string& name) const {
        return refuse(culprit, fmt::format("there is no {} {}", kind, in_quotes(name)));
    }

    // Either the workload's address is new, or the network's subnets are.
    Status subnet_conflict(const Culprit& workload, const VirtualNetwork& network, const std::string& message) const {
        if (is_put_in(workload)) return refuse(workload, message);
        return refuse({"VirtualNetwork", network.name, "spec.subnets"}, fmt::format("{}: {}", workload.title(), message));
    }

    tl::unexpected<Error> refuse(const Culprit& culprit, const std::string& message) const {
        const std::string where = is_put_in(culprit) ? place_of(culprit) : "";
        return failure(fmt::format("{}{}{}: {}: {}", where, where.empty() ? "" : ": ", culprit.title(), culprit.path, message));
    }

    bool is_put_in(const Culprit& culprit) const { return order_.count(culprit.title()) != 0; }

    const Culprit& later(const Culprit& a, const Culprit& b) const {
        const auto a_order = order_.find(a.title()), b_order = order_.find(b.title());
        if (a_order == order_.end()) return b;
        return b_order == order_.end() || a_order->second > b_order->second ? a : b;
    }

    // "file:line:column"; nothing for what stands in no file.
    std::string place_of(const Culprit& culprit) const {
        const Document& document = documents_[order_.at(culprit.title())];
        Place place = document.place();
        // A key that is not written out is to be found at its parent.
        for (std::string path = culprit.path;; path.erase(path.rfind('.'))) {
            if (const auto found = document.places.find(path); found != document.places.end()) {
                place = found->second;
                break;
            }
            if (path.rfind('.') == std::string::npos) break;
        }
        return position_of(document.file, place);
    }

    // spec.addresses[i]; a Node may have written spec.address instead.
    std::string address_path(const char* kind, const std::string& name, size_t i) const {
        const auto found = order_.find(std::string(kind) + " " + name);
        if (found != order_.end() && documents_[found->second].places.count("spec.address")) return "spec.address";
        return fmt::format("spec.addresses[{}]", i);
    }

    const DesiredState& state_;
    const Document* documents_;
    std::unordered_map<std::string, size_t> order_;     // "Kind name" -> position among those put in
    std::unordered_map<std::string, Culprit> holders_;  // what may exist once -> who has it
};

}  // namespace

Status check_documents(const DesiredState& state, const std::vector<Document>& documents) {
    return Checker(state, documents).check();
}

namespace {

// Walks over every reference from one document to another.
template <typename Visit>
void visit_references(const DesiredState& state, Visit visit) {
    for (const auto& [key, workload] : state.workloads) {
        visit("VirtualNetwork " + workload.network, Culprit{"Workload", key, "spec.network"});
        visit("Node " + workload.node, Culprit{"Workload", key, "spec.node"});
    }
    for (const auto& [name, route] : state.routes) {
        visit("VirtualNetwork " + route.network, Culprit{"Route", name, "spec.network"});
        if (const auto* to = std::get_if<ToNode>(&route.target)) visit("Node " + to->name, Culprit{"Route", name, "spec.nextHop"});
        if (const auto* to = std::get_if<ToWorkload>(&route.target))
            visit("Workload " + to->key, Culprit{"Route", name, "spec.nextHop"});
    }
}

}  // namespace

Status check_unused(const DesiredState& state, const std::unordered_set<std::string>& removed) {
    constexpr size_t named_max = 3;
    std::string used;  // the first that is still referred to
    std::vector<std::string> users;
    size_t count = 0;
    visit_references(state, [&](const std::string& title, const Culprit& user) {
        if (!removed.count(title) || (!used.empty() && title != used)) return;
        used = title;
        if (++count <= named_max) users.push_back(fmt::format("{} ({})", user.title(), user.path));
    });
    if (count == 0) return {};
    const std::string more = count > named_max ? fmt::format(" and {} more", count - named_max) : "";
    return failure(fmt::format("{} is still referred to by {}{}", used, fmt::join(users, ", "), more));
}

}  // namespace biplane
