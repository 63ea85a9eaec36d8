// A planned image as the pipeline sees it: what SharedTables offers once it is published, without the memory. The epoch is not
// looked at. Reads only; the image outlives it; any number of threads.
#pragma once
#include <algorithm>
#include <iterator>

#include "control/plan/plan.hpp"
#include "datapath/atomics.hpp"
#include "datapath/steps/policy.hpp"

namespace biplane {

class ImageTables {
   public:
    ImageTables(const TableImage& image, const TableShape& shape) : image_(image) {
        std::copy(std::begin(shape.hash_secret), std::end(shape.hash_secret), std::begin(config_.hash_secret));
        config_.route_bucket_mask = shape.route_bucket_mask;
    }

    const Config* config() const { return &config_; }
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) \
    const Entry* entry(uint32_t, uint32_t n) const { return n < image_.table.size() ? &image_.table[n] : nullptr; }
#include "layout/table_list.def"
    uint64_t route_to(uint32_t epoch, uint16_t zone, const Address& destination) const {
        return longest_route(*this, epoch, zone, destination).packed();
    }
    uint32_t route_with_length(uint32_t epoch, uint16_t zone, uint8_t length, const Address& destination) const {
        return route_of_length(*this, epoch, zone, length, destination);
    }
    uint32_t policy_decision(uint32_t epoch, uint32_t subject_and_peer, uint32_t position) const {
        return decision_at(*this, epoch, list_for(*this, epoch, subject_and_peer), position);
    }

   private:
    const TableImage& image_;
    Config config_{};
};

}  // namespace biplane
