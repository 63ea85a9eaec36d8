// A planned image as the pipeline sees it: what SharedTables offers once it is published, without the memory.
#pragma once
#include "control/plan.hpp"
#include "datapath/atomics.hpp"
#include "datapath/policy.hpp"

namespace biplane {

class ImageTables {
   public:
    ImageTables(const TableImage& image, const TableShape& shape) : image_(image) {
        std::copy(std::begin(shape.hash_secret), std::end(shape.hash_secret), std::begin(config_.hash_secret));
        config_.route_bucket_mask = shape.route_bucket_mask;
    }

    const Config* config() const { return &config_; }
    const Zone* zone(uint32_t, uint32_t n) const { return at(image_.zones, n); }
    const RouteBucket* route_bucket(uint32_t, uint32_t n) const { return at(image_.routes, n); }
    const AddressClass* address_class(uint32_t, uint32_t n) const { return at(image_.address_classes, n); }
    const PolicyList* policy_subject(uint32_t, uint32_t n) const { return at(image_.policy_subjects, n); }
    const PolicyBucket* policy_bucket(uint32_t, uint32_t n) const { return at(image_.policy_buckets, n); }
    const PolicyRange* policy_range(uint32_t, uint32_t n) const { return at(image_.policy_ranges, n); }
    uint32_t route_with_length(uint32_t epoch, uint16_t zone, uint8_t length, const Address& destination) const {
        return route_of_length(*this, epoch, zone, length, destination);
    }
    uint32_t policy_decision(uint32_t epoch, uint32_t subject_and_peer, uint32_t position) const {
        return decision_at(*this, epoch, list_for(*this, epoch, subject_and_peer), position);
    }

   private:
    template <typename T>
    static const T* at(const std::vector<T>& table, uint32_t n) {
        return n < table.size() ? &table[n] : nullptr;
    }
    const TableImage& image_;
    Config config_{};
};

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
