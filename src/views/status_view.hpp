// How a node is doing, as far as its tables tell; the agent adds what only it knows.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "api/message.hpp"
#include "control/config/node_config.hpp"
#include "planes/shared_tables.hpp"
#include "views/port_view.hpp"
#include "views/table_names.hpp"

namespace biplane {

enum class Level { ok, warning, error };
const char* to_string(Level level);  // "OK", "WARN", "ERR"

struct Problem {
    Level level;
    std::string text;
};

// What only the agent knows. Without an agent: running is false, the rest is as the tables and the store have it.
struct AgentFacts {
    bool running = false;
    int pid = 0;
    bool adopted = false;            // the tables were there when it started
    bool programs_replaced = false;  // the programs were others
    std::string table_form;          // how the kernel programs reach the tables: direct, lookup
    std::string refused_form;        // why the kernel refused the direct one; empty if it did not
    std::string started_at;          // RFC 3339
    HooksByInterface hooks;
    std::vector<Problem> problems;
    std::optional<uint64_t> committed = {};  // revision of the documents in the store
    std::optional<uint64_t> in_force = {};   // that the tables of this node are made from
};

// `desired` may be missing (the store cannot be read): then nothing is said about documents.
Json status_to_json(const NodeConfig& config, const SharedTables& tables, const DesiredState* desired, const AgentFacts& agent);

struct UserPlaneReading {
    bool alive = false;
    uint32_t pid = 0;
    double heartbeat_age_ms = 0;  // 0 if it never started
    UserPlaneStatus status;
};
UserPlaneReading read_user_plane(const SharedTables& tables, uint32_t now);

}  // namespace biplane
