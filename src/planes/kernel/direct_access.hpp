// Reading and writing a packet's bytes in a BPF program ("direct packet access"), in the form that the verifier follows.
#pragma once
#include "datapath/wire/parse.hpp"

namespace biplane {

// The T at `offset` of the frame between context.data and context.data_end; nullptr if it ends before, or offset is beyond
// OffsetMax. Context: __sk_buff or xdp_md.
template <typename T, uint32_t OffsetMax, typename Context>
inline T* direct_access(const Context& context, uint32_t offset) {
    // The barrier makes clang check the very register that it adds: the verifier relates no others.
    if (!__builtin_constant_p(offset)) forget_value(offset);
    if (offset > OffsetMax) return nullptr;
    auto* place = reinterpret_cast<uint8_t*>(static_cast<unsigned long>(context.data)) + offset;
    const auto* end = reinterpret_cast<const uint8_t*>(static_cast<unsigned long>(context.data_end));
    // The verifier knows `place + size > end` only; without the barrier clang 19 compares `place >= end - size + 1`
    // ("pointer arithmetic on pkt_end prohibited").
    const auto* behind = place + sizeof(T);
    forget_value(behind);
    return behind <= end ? reinterpret_cast<T*>(place) : nullptr;
}

}  // namespace biplane
