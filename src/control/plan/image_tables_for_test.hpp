// What a planned image says about a first packet.
#pragma once
#include "control/plan/image_tables.hpp"

namespace biplane {

// What the policies of both ends say about a first packet.
struct Judgement {
    bool has_routes;
    bool is_allowed;
    uint32_t egress, ingress;  // PolicyRange::decision; 0: not asked
};

inline Judgement judge_by_image(const Plan& plan, const TableShape& shape, const std::string& network, const Address& source,
                                const Address& destination, uint32_t position) {
    const ImageTables tables(plan.image, shape);
    const uint16_t zone = plan.numbering.zones.at(network);
    Journey journey{};
    journey.key.protocol = static_cast<uint8_t>(position >> 16);
    journey.key.destination_port = be16::from_host(static_cast<uint16_t>(position));
    journey.query_type_and_code = static_cast<uint16_t>(position);
    const RouteMatch from = longest_route(tables, 0, zone, source), to = longest_route(tables, 0, zone, destination);
    const Fate fate = check_policy(tables, journey, from.address_class, to.address_class);
    return {from.next_hop != no_next_hop && to.next_hop != no_next_hop, !fate.is_decided(), journey.egress_decision,
            journey.ingress_decision};
}

}  // namespace biplane
