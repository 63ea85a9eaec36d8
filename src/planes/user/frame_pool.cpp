#include "planes/user/frame_pool.hpp"

#include <cassert>

namespace biplane {

FramePool::FramePool(uint32_t frames) : holders_(frames, pool), counts_{frames, 0} {
    free_frames_.reserve(frames);
    for (uint32_t frame = frames; frame > 0; --frame) free_frames_.push_back(frame - 1);
}

FrameHolder FramePool::add_holder() {
    if (unused_.empty()) {
        counts_.push_back(0);
        return static_cast<FrameHolder>(counts_.size() - 1);
    }
    const FrameHolder holder = unused_.back();
    unused_.pop_back();
    return holder;
}

uint32_t FramePool::remove_holder(FrameHolder holder) {
    assert(holder > worker && holder < counts_.size());
    const uint32_t held = counts_[holder];
    if (held > 0)
        for (uint32_t frame = 0; frame < total(); ++frame)
            if (holders_[frame] == holder) give_back(frame, holder);
    assert(counts_[holder] == 0);
    unused_.push_back(holder);
    return held;
}

std::optional<uint32_t> FramePool::take(FrameHolder to) {
    assert(to != pool && to < counts_.size());
    if (free_frames_.empty()) return std::nullopt;
    const uint32_t frame = free_frames_.back();
    free_frames_.pop_back();
    assert(holders_[frame] == pool);
    holders_[frame] = to;
    --counts_[pool];
    ++counts_[to];
    return frame;
}

void FramePool::pass(uint32_t frame, FrameHolder from, FrameHolder to) {
    assert(frame < total());
    assert(holders_[frame] == from);
    assert(from != pool && to < counts_.size());
    holders_[frame] = to;
    --counts_[from];
    ++counts_[to];
    if (to == pool) free_frames_.push_back(frame);
}

bool FramePool::is_sound() const {
    std::vector<uint32_t> recounted(counts_.size(), 0);
    for (const FrameHolder holder : holders_) {
        if (holder >= recounted.size()) return false;
        ++recounted[holder];
    }
    return recounted == counts_ && free_frames_.size() == counts_[pool];
}

}  // namespace biplane
