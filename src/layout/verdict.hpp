// What can become of a packet: the verdicts, the reasons to drop and the reasons to punt. The names below are the only
// ones: code, CLI, metrics and documents use them as they stand here.
#pragma once
#include "layout/integers.hpp"

namespace biplane {

enum class Plane : uint8_t { kernel = 0, user = 1 };

enum class Verdict : uint8_t {
    undecided,  // inside the pipeline only: go on with the next step
    forward,    // leaves through a fabric port, encapsulated
    deliver,    // leaves through a workload port, or goes up to the node's own stack
    answer,     // sent back through its ingress port, made into a reply by the router (ARP, ND, ICMP error)
    punt,       // handed to the user plane
    drop,
    cut,  // kernel plane only: goes through the cut port, and comes back as frames of the wire. Not counted before
};

enum class PuntReason : uint8_t {
    placed,      // the network is placed in the user plane
    flow_placed  // the flow's entry says user plane
};

// Declared in drop_reasons.def.
enum class DropReason : uint8_t {
    none,
#define BIPLANE_DROP_REASON(identifier, name, explanation) identifier,
#include "layout/drop_reasons.def"
#undef BIPLANE_DROP_REASON
    count_
};
constexpr uint32_t drop_reasons = static_cast<uint32_t>(DropReason::count_);
// What PortCounters has room for: a new reason changes no size of the shared tables.
constexpr uint32_t drop_reasons_max = 128;
static_assert(drop_reasons <= drop_reasons_max);

struct DropReasonInfo {
    const char* name;
    const char* explanation;
};

// Indexed by DropReason.
inline constexpr DropReasonInfo drop_reason_table[] = {
    {"none", "not dropped"},
#define BIPLANE_DROP_REASON(identifier, name, explanation) {name, explanation},
#include "layout/drop_reasons.def"
#undef BIPLANE_DROP_REASON
};
static_assert(sizeof(drop_reason_table) / sizeof(drop_reason_table[0]) == drop_reasons);

// The outcome of a pipeline step or of the whole pipeline. `detail` is the DropReason or PuntReason.
struct Fate {
    Verdict verdict;
    uint8_t detail;

    constexpr bool is_decided() const { return verdict != Verdict::undecided; }
    constexpr DropReason drop_reason() const {
        return verdict == Verdict::drop ? static_cast<DropReason>(detail) : DropReason::none;
    }
    // As one number: what a function that the kernel program keeps out of line can return.
    constexpr uint32_t packed() const { return static_cast<uint32_t>(verdict) << 8 | detail; }
    static constexpr Fate unpack(uint32_t value) { return {static_cast<Verdict>(value >> 8), static_cast<uint8_t>(value)}; }
    friend constexpr bool operator==(Fate a, Fate b) { return a.verdict == b.verdict && a.detail == b.detail; }
};

constexpr Fate go_on() { return {Verdict::undecided, 0}; }
constexpr Fate drop(DropReason reason) { return {Verdict::drop, static_cast<uint8_t>(reason)}; }
constexpr Fate punt(PuntReason reason) { return {Verdict::punt, static_cast<uint8_t>(reason)}; }
constexpr Fate decided(Verdict verdict) { return {verdict, 0}; }

}  // namespace biplane
