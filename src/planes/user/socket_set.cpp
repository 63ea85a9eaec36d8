#include "planes/user/socket_set.hpp"

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "layout/tables.hpp"

namespace biplane {
namespace {

constexpr uint32_t punt_slot = 0;
constexpr uint32_t punt_frames = 8192;                // of frames_default: what a burst from the workloads may fill
constexpr uint32_t port_frames_max = 2048;            // per interface, all queues
constexpr uint32_t packets_per_receiver = 64;         // in one turn, so that no port keeps the others waiting
constexpr uint32_t retry_after = ticks_from_ms(100);  // a socket that could not be opened is tried again
constexpr uint32_t retry_interval = ticks_from_ms(10);

std::string name_of(const LinkPlace& place) {
    return place.is_punt() ? "the punt port" : "interface number " + std::to_string(place.ifindex);
}

}  // namespace

SocketSet::SocketSet(const Umem& umem, int sockets_map_fd, std::string punt_interface, std::unique_ptr<SocketOpener> opener)
    : umem_(umem),
      sockets_map_fd_(sockets_map_fd),
      punt_interface_(std::move(punt_interface)),
      frames_(umem.frames()),
      opener_(std::move(opener)) {}

Result<std::unique_ptr<SocketSet>> SocketSet::create(const Umem& umem, int sockets_map_fd, std::string punt_interface) {
    auto opener = SocketOpener::start(umem);
    if (!opener) return opener.error().within("prepare the sockets");
    std::unique_ptr<SocketSet> set(new SocketSet(umem, sockets_map_fd, std::move(punt_interface), std::move(*opener)));
    set->add_link({0, 0, {true, false}, punt_slot, 1, std::min(punt_frames, umem.frames() / 2)});
    return set;
}

SocketSet::~SocketSet() {
    remove_links_if([](const Link&) { return true; });
    opener_.reset();  // waits until all sockets are closed: the kernel writes into their frames until then
}

// --- keeping in step ---------------------------------------------------------------------------------------------------------

Link& SocketSet::add_link(const LinkPlace& place) {
    Link& link = *links_.emplace_back(std::make_unique<Link>(place, frames_));
    if (place.sides.transmit) transmitters_[place.ifindex] = &link;
    request_socket(link);
    return link;
}

void SocketSet::remove_links_if(const std::function<bool(const Link&)>& is_unwanted) {
    std::erase_if(links_, [&](const LinkPointer& link) {
        if (!is_unwanted(*link)) return false;
        close_socket(*link);
        unsendable_ += link->refused("removed", now_).packets;
        const auto sender = transmitters_.find(link->place().ifindex);
        if (sender != transmitters_.end() && sender->second == link.get()) transmitters_.erase(sender);
        if (last_transmitter_ == link.get()) last_transmitter_ = nullptr;
        return true;
    });
}

void SocketSet::follow_ports(const std::vector<PortSockets>& ports, const std::set<uint32_t>& interfaces) {
    const auto is_port = [&](const LinkPlace& place) {
        return std::any_of(ports.begin(), ports.end(), [&](const PortSockets& port) {
            return port.ifindex == place.ifindex && port.slot + place.queue == place.slot;
        });
    };
    remove_links_if([&](const Link& link) {
        const LinkPlace& place = link.place();
        if (place.is_punt()) return false;
        if (place.is_port()) return !is_port(place);
        const auto is_now_receiving = [&](const PortSockets& port) { return port.ifindex == place.ifindex; };
        return !interfaces.contains(place.ifindex) || std::any_of(ports.begin(), ports.end(), is_now_receiving);
    });
    for (const PortSockets& port : ports) {
        if (transmitters_.contains(port.ifindex)) continue;
        const auto share = static_cast<uint32_t>(frames_.total() / 4 / ports.size());
        add_link({port.ifindex, 0, {true, true}, port.slot, port.slots_max, std::min(port_frames_max, share)});
    }
}

void SocketSet::reopen_punt() {
    check_interfaces();
    for (const LinkPointer& link : links_)
        if (link->place().is_punt() && link->state() == Link::State::failed) request_socket(*link);
}

void SocketSet::begin_lap(uint32_t now) {
    now_ = now;
    for (SocketAnswer& answer : opener_->take_answers()) settle(std::move(answer));
    if (now - last_retry_ < retry_interval) return;
    last_retry_ = now;
    retry_failed();
}

// A receiving link is opened again; a sending one is forgotten, the next packet makes it anew.
void SocketSet::retry_failed() {
    const auto is_due = [this](const Link& link) {
        return link.state() == Link::State::failed && now_ - link.failed_since() >= retry_after;
    };
    remove_links_if([&](const Link& link) { return is_due(link) && !link.place().sides.receive; });
    for (const LinkPointer& link : links_)
        if (is_due(*link)) request_socket(*link);
}

void SocketSet::check_interfaces() {
    const std::vector<Link*> receivers = receivers_;
    for (Link* link : receivers) {
        if (!link->socket()->interface_has_gone()) continue;
        spdlog::info("{} has gone", name_of(link->place()));
        close_socket(*link);
    }
}

// --- sockets come and go -----------------------------------------------------------------------------------------------------

void SocketSet::request_socket(Link& link) {
    const LinkPlace& place = link.place();
    link.reopening(++last_ticket_);
    opener_->open({link.ticket(), place.ifindex, punt_interface_, place.queue, place.sides});
}

void SocketSet::settle(SocketAnswer answer) {
    if (answer.closed) {
        const auto closing =
            std::find_if(closings_.begin(), closings_.end(), [&](const Closing& one) { return one.ticket == answer.ticket; });
        if (closing == closings_.end()) return;
        frames_.remove_holder(closing->receive_holder);
        frames_.remove_holder(closing->transmit_holder);
        closings_.erase(closing);
        return;
    }
    const auto link =
        std::find_if(links_.begin(), links_.end(), [&](const LinkPointer& one) { return one->ticket() == answer.ticket; });
    if (link == links_.end()) {  // removed in the meantime
        if (answer.socket) opener_->close(answer.ticket, std::move(*answer.socket));
    } else if (answer.socket) {
        activate(**link, std::move(*answer.socket));
    } else {
        refuse(**link, answer.socket.error().message);
    }
}

void SocketSet::activate(Link& link, std::unique_ptr<XdpSocket> socket) {
    link.opened(std::move(socket));
    if (link.place().sides.transmit && link.has_in_flight()) sending_.push_back(&link);
    if (!link.place().sides.receive) return;
    if (const Status status = link.socket()->put_into(sockets_map_fd_, link.place().slot); !status) {
        close_socket(link);
        refuse(link, status.error().message);
        return;
    }
    receivers_.push_back(&link);
    if (link.place().is_port() && link.place().queue == 0) add_further_queues(link);
}

// `first` is the link of queue 0. May move links_, not the links.
void SocketSet::add_further_queues(const Link& first) {
    const LinkPlace place = first.place();
    const uint32_t queues = first.socket()->interface_queues();
    if (queues > place.slots_max)
        spdlog::warn("{} has {} receive queues, but the socket map has room for {}: what comes in on the others cannot be punted",
                     name_of(place), queues, place.slots_max);
    for (uint32_t queue = 1; queue < std::min(queues, place.slots_max); ++queue) {
        const bool exists = std::any_of(links_.begin(), links_.end(), [&](const LinkPointer& link) {
            return link->place().ifindex == place.ifindex && link->place().queue == queue;
        });
        if (!exists) add_link({place.ifindex, queue, {true, false}, place.slot + queue, 1, place.receive_frames});
    }
}

void SocketSet::refuse(Link& link, const std::string& why) {
    const Link::Refusal refusal = link.refused(why, now_);
    unsendable_ += refusal.packets;
    if (refusal.is_news) spdlog::warn("{}; trying again", why);
}

void SocketSet::close_socket(Link& link) {
    if (link.state() != Link::State::open) return;
    if (link.place().sides.receive) {
        const uint32_t slot = link.place().slot;
        (void)bpf_map_delete_elem(sockets_map_fd_, &slot);  // it may be gone already: with the socket, or with the map
    }
    std::erase(receivers_, &link);
    std::erase(sending_, &link);
    lost_before_ += link.socket()->lost();
    Link::Remains remains = link.detach(now_);
    unsendable_ += remains.unsent;
    closings_.push_back({++last_ticket_, remains.receive_holder, remains.transmit_holder});
    opener_->close(last_ticket_, std::move(remains.socket));
}

// --- packets -----------------------------------------------------------------------------------------------------------------

uint32_t SocketSet::receive(std::span<Packet> packets) {
    uint32_t count = 0;
    for (size_t exhausted = 0; exhausted < receivers_.size() && count < packets.size();) {
        if (++next_receiver_ >= receivers_.size()) next_receiver_ = 0;
        const auto most = static_cast<uint32_t>(std::min<size_t>(packets_per_receiver, packets.size() - count));
        const uint32_t received = receivers_[next_receiver_]->receive(packets.subspan(count, most));
        exhausted = received < most ? exhausted + 1 : 0;
        count += received;
    }
    return count;
}

Link& SocketSet::transmitter_of(uint32_t ifindex) {
    if (last_transmitter_ && last_transmitter_->place().ifindex == ifindex) return *last_transmitter_;
    const auto known = transmitters_.find(ifindex);
    last_transmitter_ = known != transmitters_.end() ? known->second : &add_link({ifindex, 0, {false, true}, 0, 0, 0});
    return *last_transmitter_;
}

bool SocketSet::transmit(uint32_t ifindex, const Packet& packet) {
    Link& link = transmitter_of(ifindex);
    if (link.state() == Link::State::failed) return false;
    const bool was_idle = !link.has_in_flight();
    bool accepted = link.enqueue(packet);
    if (!accepted && link.state() == Link::State::open) {
        send(link);
        if (link.state() != Link::State::open) return false;
        link.collect_completed();
        accepted = link.enqueue(packet);
    }
    if (accepted && was_idle && link.state() == Link::State::open) sending_.push_back(&link);
    return accepted;
}

void SocketSet::flush() {
    unsent_ = false;
    const std::vector<Link*> links = sending_;
    for (Link* link : links) {
        send(*link);
        if (link->state() != Link::State::open) continue;
        link->collect_completed();
        if (!link->has_in_flight()) std::erase(sending_, link);
    }
}

void SocketSet::send(Link& link) {
    const uint64_t dropped_before = link.socket()->dropped_by_device();
    const XdpSocket::Kick kick = link.send();
    unsendable_ += link.socket()->dropped_by_device() - dropped_before;
    if (kick == XdpSocket::Kick::blocked) unsent_ = true;
    if (kick != XdpSocket::Kick::down && kick != XdpSocket::Kick::gone) return;
    spdlog::debug("{} {}", name_of(link.place()), kick == XdpSocket::Kick::down ? "is down" : "has gone");
    close_socket(link);
}

// --- state -------------------------------------------------------------------------------------------------------------------

bool SocketSet::is_receiving_punts() const {
    return std::any_of(receivers_.begin(), receivers_.end(), [](const Link* link) { return link->place().is_punt(); });
}

uint64_t SocketSet::lost() const {
    uint64_t lost = lost_before_;
    for (const Link* link : receivers_) lost += link->socket()->lost();
    return lost;
}

std::vector<pollfd> SocketSet::wait_list() const {
    std::vector<pollfd> list{{opener_->answers_fd(), POLLIN, 0}};
    for (const Link* link : receivers_) list.push_back({link->socket()->fd(), POLLIN, 0});
    return list;
}

}  // namespace biplane
