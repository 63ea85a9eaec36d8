// Neighbour solicitations (RFC 4861, section 7.1.1): which ones are valid. A step of parse(): what is said in them is judged by
// neighbour.hpp.
#pragma once
#include "datapath/wire/address_scopes.hpp"
#include "datapath/wire/checksum.hpp"
#include "datapath/wire/extensions.hpp"

namespace biplane {

constexpr uint32_t solicitation_options_max = 32;

// The sum of the pseudo-header of RFC 8200, section 8.1, for an ICMPv6 message.
inline uint64_t icmpv6_pseudo_sum(const Address& source, const Address& destination, uint32_t message_bytes) {
    return sum_of<16>(&source) + sum_of<16>(&destination) + be16::from_host(static_cast<uint16_t>(message_bytes)).raw +
           be16::from_host(protocol::icmpv6).raw;
}

// The link-layer address that a solicitation tells, as a number that is never 0.
inline uint64_t told_address(const MacAddress& mac) {
    const auto* words = reinterpret_cast<const AnyHalfWord*>(&mac);
    return uint64_t{1} << 48 | uint64_t{words[2].raw} << 32 | uint32_t{words[1].raw} << 16 | words[0].raw;
}

// Options that are not known are passed over, as the nonce of RFC 3971 and RFC 7527. `offset`: of the first one, `end`: of the
// message.
template <typename Packet>
inline Fate read_solicitation_options(Packet& packet, Headers& h, uint32_t offset, uint32_t end) {
    for (uint32_t i = 0; i < solicitation_options_max; ++i) {
        if (offset >= end) return go_on();
        const auto* option = packet.template at<LinkLayerOption>(offset);
        if (!option || option->length == 0 || offset + option->length * 8u > end) return drop(DropReason::nd_invalid);
        if (option->type == nd_option_source_address) {
            const uint64_t told = told_address(option->mac);
            if (option->length != 1 || is_unspecified(h.key.source)) return drop(DropReason::nd_invalid);
            if (h.told_address != 0 && h.told_address != told) return drop(DropReason::nd_spoofed);
            h.told_address = told;
        }
        offset += option->length * 8u;
        forget_value(offset);
    }
    return offset >= end ? go_on() : drop(DropReason::nd_invalid);
}

// The message from `offset` to `end`. RFC 6980, section 5: one with a fragment header is none.
template <typename Packet>
inline Fate read_solicitation(Packet& packet, Headers& h, uint32_t offset, uint32_t end) {
    h.is_for_router = true;
    const auto* message = packet.template at<NeighbourMessage>(offset);
    const bool has_fragment_header = h.fragment_bytes != 0;
    if (!message || offset + sizeof(NeighbourMessage) > end || has_fragment_header) return drop(DropReason::nd_invalid);
    if (h.ttl != 255 || message->code != 0 || is_group(Address{{message->target[0], message->target[1]}}))
        return drop(DropReason::nd_invalid);
    if (is_unspecified(h.key.source) && !is_solicited_node_group(h.key.destination)) return drop(DropReason::nd_invalid);
    const uint32_t sum = packet.sum_bytes(offset, end - offset);
    if (sum == no_sum || fold(sum + icmpv6_pseudo_sum(h.key.source, h.key.destination, end - offset)) != 0xffff)
        return drop(DropReason::nd_invalid);
    return read_solicitation_options(packet, h, offset + sizeof(NeighbourMessage), end);
}

}  // namespace biplane
