#include "cases/tcp_scripts.hpp"

namespace biplane::cases {

using namespace packets::tcp;
using enum FlowState;
using DropReason::tcp_no_flow, DropReason::tcp_out_of_window, DropReason::tcp_reset_invalid;

TcpSegment TcpSegment::bytes(uint16_t count) const {
    TcpSegment copy = *this;
    copy.payload = count;
    return copy;
}
TcpSegment TcpSegment::offers(uint16_t value) const {
    TcpSegment copy = *this;
    copy.window = value;
    return copy;
}
TcpSegment TcpSegment::scaled(int shift) const {
    TcpSegment copy = *this;
    copy.scale = shift;
    return copy;
}
TcpSegment client(uint8_t flags, uint32_t sequence, uint32_t acknowledgment) { return {false, flags, sequence, acknowledgment}; }
TcpSegment server(uint8_t flags, uint32_t sequence, uint32_t acknowledgment) { return {true, flags, sequence, acknowledgment}; }
TcpLine passes(const TcpSegment& segment, FlowState state) { return {segment, DropReason::none, state}; }
TcpLine refused(const TcpSegment& segment, DropReason reason, FlowState state) { return {segment, reason, state}; }
TcpLine but_linux(TcpLine line, std::string why) {
    line.linux_differs = std::move(why);
    return line;
}

namespace {
constexpr uint32_t client_initial = 0xfffffff0, server_initial = 0x7ffffff0;
}

packets::Packet with_segment(const packets::Packet& frame, const TcpSegment& s) {
    const uint32_t own = s.from_server ? server_initial : client_initial, peer = s.from_server ? client_initial : server_initial;
    const bool acknowledges = (s.flags & ack) != 0;
    packets::Packet packet = s.from_server ? frame.tcp(script_server_port, script_client_port, s.flags)
                                           : frame.tcp(script_client_port, script_server_port, s.flags);
    packet = packet.sequence(s.sequence + own, acknowledges ? s.acknowledgment + peer : 0).window(s.window);
    if (s.scale >= 0) packet = packet.tcp_options({1, 3, 3, static_cast<uint8_t>(s.scale)});
    return s.payload ? packet.filler(s.payload) : packet;
}

namespace {

using Lines = std::vector<TcpLine>;

Lines after(Lines lines, const Lines& more) {
    lines.insert(lines.end(), more.begin(), more.end());
    return lines;
}

// What Linux conntrack (6.18) does otherwise, and is not wrong about: it is more lenient, or forgets sooner.
constexpr char overshoots[] = "it lets pass, uncounted, what lies less than a window beyond the window";
constexpr char ignores_late[] = "it lets pass, uncounted, what is too late";
constexpr char passes_resets[] = "it lets a reset with another number pass, and does not move its state either";
constexpr char counts_flags[] = "after both FINs it takes any ACK for the last one";
constexpr char forgets_refused[] = "it forgets a connection whose first answer is a reset, whatever that acknowledges";
constexpr char one_way_syn[] = "it calls a SYN of the responder invalid";
constexpr char waits_for_both[] = "it waits for the ACK of both SYNs";
constexpr char ignores_before_answer[] = "it lets pass, uncounted, what comes from the responder before it answers";
constexpr char any_ack[] = "it takes any ACK within a window for the handshake's last";
constexpr char old_reset[] = "it takes a reset of an older connection for one of the new";
constexpr char any_answer[] = "it takes the answer to any SYN that it has seen";
constexpr char own_reset_only[] = "it begins anew only if the side that asks has reset";
constexpr char both_fins[] = "it lets a SYN pass uncounted until both sides have sent a FIN";

// Both offer 1000 bytes.
const Lines handshake = {passes(client(syn, 0), opening), passes(server(syn | ack, 0, 1), answered),
                         passes(client(ack, 1, 1), established)};

// --- what a good connection does ---
std::vector<TcpScript> good_scripts() {
    return {
        {"a connection opens, carries data both ways and closes",
         after(handshake, {passes(client(ack | psh, 1, 1).bytes(500), established), passes(server(ack, 1, 501), established),
                           passes(server(ack | psh, 1, 501).bytes(1000), established), passes(client(ack, 501, 1001), established),
                           passes(client(fin | ack, 501, 1001), closing), passes(server(ack, 1001, 502), closing),
                           passes(server(fin | ack, 1001, 502), closing), passes(client(ack, 502, 1002), closed)})},
        {"the server may close first",
         after(handshake, {passes(server(fin | ack, 1, 1), closing), passes(client(ack, 1, 2), closing),
                           passes(client(fin | ack, 1, 2), closing), passes(server(ack, 2, 2), closed)})},
        {"both sides may close at once",
         after(handshake, {passes(client(fin | ack, 1, 1), closing), passes(server(fin | ack, 1, 1), closing),
                           but_linux(passes(client(ack, 2, 2), closing), counts_flags), passes(server(ack, 2, 2), closed)})},
        {"a half-closed connection carries data the other way",
         after(handshake, {passes(client(fin | ack, 1, 1), closing), passes(server(ack, 1, 2), closing),
                           passes(server(ack, 1, 2).bytes(1000), closing), passes(client(ack, 2, 1001), closing),
                           passes(server(ack, 1001, 2).bytes(1000), closing), passes(client(ack, 2, 2001), closing),
                           passes(server(fin | ack, 2001, 2), closing), passes(client(ack, 2, 2002), closed)})},
        {"a repeated SYN, SYN+ACK and FIN change nothing",
         {passes(client(syn, 0), opening), passes(client(syn, 0), opening), passes(server(syn | ack, 0, 1), answered),
          passes(client(syn, 0), answered), passes(server(syn | ack, 0, 1), answered), passes(client(ack, 1, 1), established),
          passes(client(fin | ack, 1, 1), closing), passes(client(fin | ack, 1, 1), closing)}},
        {"data is repeated, before and after it was acknowledged",
         after(handshake, {passes(client(ack, 1, 1).bytes(500), established), passes(client(ack, 1, 1).bytes(500), established),
                           passes(server(ack, 1, 501), established), passes(client(ack, 1, 1).bytes(500), established),
                           passes(server(ack, 1, 501), established)})},
        {"segments overtake each other",
         after(handshake, {passes(client(ack, 501, 1).bytes(500), established), passes(client(ack, 1, 1).bytes(500), established),
                           passes(server(ack, 1, 1001), established), passes(server(ack, 1, 501), established),
                           passes(client(ack, 1001, 1).bytes(1000), established)})},
        {"a keep-alive and a probe of a closed window pass",
         after(handshake, {passes(client(ack, 1, 1).bytes(1000), established), passes(server(ack, 1, 1001).offers(0), established),
                           passes(client(ack, 1000, 1), established), passes(client(ack, 1001, 1).bytes(1), established),
                           passes(server(ack, 1, 1001).offers(0), established)})},
        {"data with the SYN is acknowledged, in part or whole (RFC 7413)",
         {passes(client(syn, 0).bytes(100), opening), passes(server(syn | ack, 0, 101), answered),
          passes(server(ack, 1, 101).bytes(200), answered), passes(client(ack, 101, 201), established)}},
        {"a FIN before the handshake's last ACK closes",
         {passes(client(syn, 0), opening), passes(server(syn | ack, 0, 1), answered), passes(client(fin | ack, 1, 1), closing)}},
    };
}

// --- windows ---
std::vector<TcpScript> window_scripts() {
    const Lines scaled = {passes(client(syn, 0).scaled(4), opening), passes(server(syn | ack, 0, 1).scaled(3), answered),
                          passes(client(ack, 1, 1), established), passes(server(ack, 1, 1), established)};
    const Lines unscaled = {passes(client(syn, 0).scaled(4), opening), passes(server(syn | ack, 0, 1), answered),
                            passes(client(ack, 1, 1), established)};
    return {
        {"data that begins at the window's end passes, and behind it is refused",
         after(handshake, {passes(client(ack, 1001, 1).bytes(10), established),
                           but_linux(refused(client(ack, 1002, 1).bytes(10), tcp_out_of_window, established), overshoots)})},
        {"data two windows behind is refused",
         after(handshake, {refused(client(ack, 3002, 1).bytes(10), tcp_out_of_window, established),
                           refused(server(ack, 3002, 1).bytes(10), tcp_out_of_window, established)})},
        {"the window moves with the acknowledgments",
         after(handshake, {passes(client(ack, 1, 1).bytes(600), established), passes(server(ack, 1, 601), established),
                           passes(client(ack, 1501, 1).bytes(10), established),
                           but_linux(refused(client(ack, 1602, 1).bytes(10), tcp_out_of_window, established), overshoots)})},
        {"a window that shrinks still takes what it once promised",
         after(handshake, {passes(client(ack, 1, 1).bytes(500), established), passes(server(ack, 1, 501).offers(100), established),
                           passes(client(ack, 1000, 1).bytes(1), established),
                           but_linux(refused(client(ack, 1002, 1).bytes(1), tcp_out_of_window, established), overshoots)})},
        {"a window is scaled when both sides have offered it (RFC 7323)",
         after(scaled, {passes(client(ack, 8001, 1).bytes(10), established), passes(server(ack, 16001, 1).bytes(10), established),
                        refused(client(ack, 17012, 1).bytes(10), tcp_out_of_window, established),
                        but_linux(refused(client(ack, 8012, 1).bytes(10), tcp_out_of_window, established), overshoots),
                        refused(server(ack, 16012, 1).bytes(10), tcp_out_of_window, established)})},
        {"a window is not scaled when one side has not offered it (RFC 7323)",
         after(unscaled, {passes(server(ack, 1001, 1).bytes(10), established),
                          refused(server(ack, 9012, 1).bytes(10), tcp_out_of_window, established),
                          but_linux(refused(server(ack, 1012, 1).bytes(10), tcp_out_of_window, established), overshoots)})},
        {"the window of a SYN is not scaled (RFC 7323)",
         {passes(client(syn, 0).scaled(4), opening), passes(server(syn | ack, 0, 1).scaled(3), answered),
          passes(client(ack, 1, 1), established), refused(client(ack, 2502, 1).bytes(10), tcp_out_of_window, established)}},
        {"an acknowledgment of what was never sent is refused",
         after(handshake,
               {passes(client(ack, 1, 1).bytes(100), established), refused(server(ack, 1, 102), tcp_out_of_window, established),
                passes(server(ack, 1, 101), established)})},
        {"an acknowledgment of long ago is refused",
         after(handshake, {but_linux(refused(client(ack, 1, 1u - 0x20000), tcp_out_of_window, established), ignores_late)})},
        {"data of long ago is refused",
         after(handshake, {but_linux(refused(client(ack, 1u - 0x20000, 1), tcp_out_of_window, established), ignores_late)})},
        {"a segment half a number space away is refused",
         after(handshake, {refused(client(ack, 0x80000001, 1).bytes(10), tcp_out_of_window, established),
                           refused(client(ack, 0x7fffffff, 1).bytes(10), tcp_out_of_window, established)})},
        {"a refused segment moves no window",
         after(handshake, {refused(client(ack, 5000, 1).bytes(10), tcp_out_of_window, established),
                           refused(server(ack, 1, 5010), tcp_out_of_window, established)})},
        {"a FIN out of the window does not close",
         after(handshake, {refused(client(fin | ack, 5000, 1), tcp_out_of_window, established)})},
    };
}

// --- resets ---
std::vector<TcpScript> reset_scripts() {
    return {
        {"a reset with the next number closes, from either side",
         after(handshake, {passes(client(ack, 1, 1).bytes(100), established), passes(client(rst, 101), closed)})},
        {"a reset with the number that was acknowledged last closes",
         after(handshake, {passes(client(ack, 1, 1).bytes(100), established), passes(server(ack, 1, 1), established),
                           passes(client(rst, 1), closed)})},
        {"the server's reset closes", after(handshake, {passes(server(rst | ack, 1, 1), closed)})},
        {"a refused connection is closed",
         {passes(client(syn, 0), opening), but_linux(passes(server(rst | ack, 0, 1), closed), forgets_refused)}},
        {"a refusal that does not acknowledge the SYN does not count",
         {passes(client(syn, 0), opening), but_linux(refused(server(rst | ack, 0, 2), tcp_reset_invalid, opening), forgets_refused),
          refused(server(rst | ack, 0, 0), tcp_reset_invalid, opening), refused(server(rst, 0), tcp_reset_invalid, opening)}},
        {"a blind reset in the window does not count (RFC 5961)",
         after(handshake, {but_linux(refused(server(rst, 2), tcp_reset_invalid, established), passes_resets),
                           refused(server(rst | ack, 501, 1), tcp_reset_invalid, established),
                           passes(server(ack, 1, 1).bytes(10), established)})},
        {"a blind reset out of the window does not count",
         after(handshake, {refused(server(rst, 5000), tcp_reset_invalid, established),
                           refused(server(rst, 0xffffff00), tcp_reset_invalid, established)})},
        {"a challenge ACK passes, and the reset that it asks for counts (RFC 5961)",
         after(handshake, {passes(client(ack, 1, 1).bytes(100), established), passes(server(ack, 1, 1), established),
                           passes(client(rst, 1), closed)})},
        {"so it does after a reset that did not count",
         after(handshake, {passes(client(ack, 1, 1).bytes(100), established),
                           but_linux(refused(client(rst, 51), tcp_reset_invalid, established), passes_resets),
                           passes(server(ack, 1, 1), established), passes(client(rst, 1), closed)})},
        {"a SYN in a connection passes and moves nothing, and the challenge ACK too (RFC 5961)",
         after(handshake,
               {passes(client(syn, 70000), established), passes(server(ack, 1, 1), established), passes(client(rst, 1), closed)})},
        {"a forged SYN in a connection does not move its window",
         after(handshake, {passes(client(syn, 70000), established), but_linux(passes(server(syn, 90000), established), one_way_syn),
                           passes(server(syn | ack, 90000, 70001), established),
                           refused(client(ack, 70001, 90001).bytes(10), tcp_out_of_window, established),
                           passes(client(ack, 1, 1).bytes(10), established)})},
        {"whoever meets an old connection is told by its challenge ACK, and resets it",
         {passes(client(syn, 0), opening), passes(server(ack, 70000, 80000), opening),
          but_linux(passes(client(rst, 80000), opening), old_reset), passes(client(syn, 0), opening),
          passes(server(syn | ack, 0, 1), answered)}},
    };
}

// --- who opened it ---
std::vector<TcpScript> direction_scripts() {
    return {
        {"a simultaneous open is one connection of whoever was first (RFC 9293, section 3.5)",
         {passes(client(syn, 0), opening), passes(server(syn, 0), answered),
          but_linux(passes(client(syn | ack, 0, 1), established), waits_for_both), passes(server(syn | ack, 0, 1), established),
          passes(client(ack, 1, 1).bytes(10), established)}},
        {"a split handshake does not turn the connection round: SYN, SYN, SYN+ACK, ACK",
         {passes(client(syn, 0), opening), passes(server(syn, 0), answered),
          but_linux(passes(client(syn | ack, 0, 1), established), waits_for_both), passes(server(ack, 1, 1), established),
          passes(server(ack, 1, 1).bytes(10), established)}},
        {"a split handshake does not turn the connection round: SYN, ACK, SYN, SYN+ACK",
         {passes(client(syn, 0), opening), passes(server(ack, 0, 1), opening), passes(server(syn, 0), answered),
          but_linux(passes(client(syn | ack, 0, 1), established), waits_for_both), passes(server(ack, 1, 1), established)}},
        {"a SYN+ACK for another SYN is refused",
         {passes(client(syn, 0), opening), refused(server(syn | ack, 0, 2), tcp_out_of_window, opening)}},
        {"the responder's data before its SYN is refused",
         {passes(client(syn, 0), opening),
          but_linux(refused(server(ack, 1, 1).bytes(10), tcp_out_of_window, opening), ignores_before_answer),
          refused(server(fin | ack, 1, 1), tcp_out_of_window, opening)}},
        {"an ACK before the answer is refused",
         {passes(client(syn, 0), opening), refused(client(ack, 1, 1), tcp_out_of_window, opening)}},
        {"a handshake's ACK of another number does not establish",
         {passes(client(syn, 0), opening), passes(server(syn | ack, 0, 1), answered),
          refused(client(ack, 1, 2), tcp_out_of_window, answered), but_linux(passes(client(ack, 1, 0), answered), any_ack),
          passes(client(ack, 1, 1), established)}},
        {"a new attempt in place of one that was not answered",
         {passes(client(syn, 0), opening), passes(client(syn, 50000), opening),
          but_linux(refused(server(syn | ack, 0, 1), tcp_out_of_window, opening), any_answer),
          passes(server(syn | ack, 0, 50001), answered), passes(client(ack, 50001, 1), established)}},
    };
}

// --- what makes a flow, and what makes a new one ---
std::vector<TcpScript> reuse_scripts() {
    const Lines closed_by_fins = {passes(client(fin | ack, 1, 1), closing), passes(server(fin | ack, 1, 2), closing),
                                  passes(client(ack, 2, 2), closed)};
    const Lines again = {passes(client(syn, 70000), opening), passes(server(syn | ack, 80000, 70001), answered),
                         passes(client(ack, 70001, 80001), established)};
    return {
        {"an ACK makes no flow", {refused(client(ack, 1, 1), tcp_no_flow, none)}},
        {"a SYN+ACK makes no flow", {refused(server(syn | ack, 0, 1), tcp_no_flow, none)}},
        {"a reset makes no flow",
         {refused(client(rst, 1), tcp_no_flow, none), refused(client(rst | ack, 1, 1), tcp_no_flow, none)}},
        {"a FIN makes no flow", {refused(client(fin | ack, 1, 1), tcp_no_flow, none)}},
        {"a port is used again in TIME-WAIT", after(after(handshake, closed_by_fins), again)},
        {"a port is used again after one's own reset", after(after(handshake, {passes(client(rst | ack, 1, 1), closed)}), again)},
        {"a port is used again after the other's reset",
         after(after(handshake, {passes(server(rst | ack, 1, 1), closed), but_linux(again[0], own_reset_only)}),
               {again[1], again[2]})},
        {"a port is used again after a FIN",
         after(after(handshake, {passes(client(fin | ack, 1, 1), closing), but_linux(again[0], both_fins)}), {again[1], again[2]})},
        {"a SYN of the side that has not closed does not end a half-closed connection",
         after(handshake, {passes(client(fin | ack, 1, 1), closing), but_linux(passes(server(syn, 90000), closing), one_way_syn),
                           passes(server(ack, 1, 2).bytes(10), closing)})},
        {"the other side uses the ports in TIME-WAIT, and is the initiator then",
         after(after(handshake, closed_by_fins),
               {passes(server(syn, 70000), opening), passes(client(syn | ack, 80000, 70001), answered),
                passes(server(ack, 70001, 80001), established)}),
         true},
        {"a connection is picked up in its middle where that is allowed, and not checked",
         {passes(client(ack, 5000, 7000).bytes(100), established), passes(server(ack, 7000, 5100), established),
          passes(client(ack, 60000, 7000).bytes(10), established), refused(server(rst, 1), tcp_reset_invalid, established),
          passes(server(rst, 7000), closed)},
         false,
         true},
        {"a FIN picks up a connection too, a reset or a SYN+ACK does not",
         {refused(client(rst, 1), tcp_no_flow, none), refused(client(rst | ack, 1, 1), tcp_no_flow, none),
          refused(server(syn | ack, 0, 1), tcp_no_flow, none), passes(client(fin | ack, 1, 1), closing)},
         false,
         true},
    };
}

}  // namespace

std::vector<TcpScript> tcp_scripts() {
    std::vector<TcpScript> all = good_scripts();
    for (const auto& some : {window_scripts(), reset_scripts(), direction_scripts(), reuse_scripts()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
