// The agent's HTTP API: which path does what. docs/api.md describes it.
#pragma once
#include "agent/agent.hpp"
#include "api/message.hpp"

namespace biplane {

// `agent` outlives the handler.
ApiHandler make_handler(Agent& agent);

}  // namespace biplane
