#include "planes/user/link.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace biplane {
namespace {

constexpr size_t waiting_max = transmit_ring_size;  // packets, per link, while its socket is being opened: all fit into its ring
constexpr uint32_t refill_batch = 64;               // frames; also how far a fill ring may run down before it is looked after

}  // namespace

void Link::reopening(SocketTicket ticket) {
    assert(state_ == State::failed);
    ticket_ = ticket;
    state_ = State::opening;
}

void Link::opened(std::unique_ptr<XdpSocket> socket) {
    assert(state_ == State::opening);
    socket_ = std::move(socket);
    state_ = State::open;
    last_error_.clear();
    receive_holder_ = frames_.add_holder();
    transmit_holder_ = frames_.add_holder();
    if (place_.sides.receive) {
        const uint32_t queues = std::min(socket_->interface_queues(), place_.slots_max + place_.queue);
        place_.receive_frames = std::max(refill_batch, place_.receive_frames / std::max(1u, queues));
        refill();
    }
    for (const Packet& packet : std::exchange(waiting_, {}))
        if (!enqueue(packet)) frames_.give_back(packet.frame, FramePool::worker);
}

Link::Refusal Link::refused(const std::string& why, uint32_t now) {
    state_ = State::failed;
    ticket_ = 0;
    failed_since_ = now;
    const bool is_news = std::exchange(last_error_, why) != why;
    return {drop_waiting(), is_news};
}

uint32_t Link::drop_waiting() {
    for (const Packet& packet : waiting_) frames_.give_back(packet.frame, FramePool::worker);
    return static_cast<uint32_t>(std::exchange(waiting_, {}).size());
}

Link::Remains Link::detach(uint32_t now) {
    assert(state_ == State::open);
    state_ = State::failed;
    ticket_ = 0;
    failed_since_ = now;
    const uint32_t unsent = place_.sides.transmit ? socket_->unsent() : 0;
    return {std::move(socket_), std::exchange(receive_holder_, FramePool::worker),
            std::exchange(transmit_holder_, FramePool::worker), unsent};
}

uint32_t Link::receive(std::span<Packet> packets) {
    const uint32_t count = socket_->receive(packets);
    for (uint32_t i = 0; i < count; ++i) frames_.pass(packets[i].frame, receive_holder_, FramePool::worker);
    refill();
    return count;
}

void Link::refill() {
    std::array<uint32_t, refill_batch> batch;
    while (frames_.held_by(receive_holder_) + refill_batch <= place_.receive_frames) {
        uint32_t taken = 0;
        while (taken < batch.size()) {
            const auto frame = frames_.take(receive_holder_);
            if (!frame) break;
            batch[taken++] = *frame;
        }
        const uint32_t filled = socket_->fill(std::span(batch).first(taken));
        for (uint32_t i = filled; i < taken; ++i) frames_.give_back(batch[i], receive_holder_);
        if (filled < batch.size()) return;
    }
}

bool Link::enqueue(const Packet& packet) {
    if (state_ == State::opening) {
        if (waiting_.size() >= waiting_max) return false;
        waiting_.push_back(packet);
        return true;
    }
    if (!socket_->queue(packet)) return false;
    frames_.pass(packet.frame, FramePool::worker, transmit_holder_);
    return true;
}

XdpSocket::Kick Link::send() { return socket_->kick(); }

void Link::collect_completed() {
    std::array<uint32_t, 256> frames;
    uint32_t count = 0;
    do {
        count = socket_->take_completed(frames);
        for (uint32_t i = 0; i < count; ++i) frames_.give_back(frames[i], transmit_holder_);
    } while (count == frames.size());
}

}  // namespace biplane
