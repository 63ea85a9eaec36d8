// Waits for what happens around the agent: changes of links, neighbours, addresses and routes, and the signal to stop.
#pragma once
#include "agent/agent.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

// SIGTERM and SIGINT are taken from now on by whoever reads the descriptor; call before the first thread is made.
Result<Fd> take_stop_signals();

// Returns when one of them has come.
Status run_event_loop(Agent& agent, const Fd& stop_signals);

}  // namespace biplane
