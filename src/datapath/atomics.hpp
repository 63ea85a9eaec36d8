// The few atomic operations that BPF has, in words. They are what both planes synchronise with; there is no lock that a dead
// process could leave behind for ever.
#pragma once
#include "layout/integers.hpp"

namespace biplane {

// For the verifier (up to Linux 6.18 at least) and clang 19: the value of `place` is unknown from here on. A loop whose state is
// the same in every round is checked once; a bound that is checked afterwards is checked on the register that is used.
template <typename T>
inline void forget_value(T& place) {
    asm volatile("" : "+r"(place));
}

template <typename T>
inline T load(const T& place) {
    return *static_cast<const volatile T*>(&place);
}

// Everything written before is visible to whoever sees `value`. An exchange, because BPF (v3) has no store with release.
template <typename T>
inline void publish_value(T& place, T value) {
    __atomic_exchange_n(&place, value, __ATOMIC_SEQ_CST);
}

// True if `place` held `expected` and now holds `desired`.
template <typename T>
inline bool replace_value(T& place, T expected, T desired) {
    return __atomic_compare_exchange_n(&place, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

template <typename T>
inline void add(T& place, T value) {
    __atomic_fetch_add(&place, value, __ATOMIC_RELAXED);
}

template <typename T>
inline T add_and_get_old(T& place, T value) {
    return __atomic_fetch_add(&place, value, __ATOMIC_RELAXED);
}

}  // namespace biplane
