// The agent of one node: brings what the documents ask for into force, and keeps it so while the node changes around it.
//
//     documents -> links (made, down) -> programs attached -> plan -> numbers saved -> tables published -> links up
//
// A link is up only with its program; watch() looks whether it still has it.
//
// Runs in the node's network namespace. Several threads may call: one works at a time. Nothing is undone when it goes away.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/backstop.hpp"
#include "agent/incidents.hpp"
#include "agent/inner_ports.hpp"
#include "agent/timings.hpp"
#include "agent/underlay.hpp"
#include "agent/workload_links.hpp"
#include "api/message.hpp"
#include "control/config/node_config.hpp"
#include "control/documents/documents.hpp"
#include "host/ground.hpp"
#include "planes/kernel/kernel_plane.hpp"
#include "planes/publish.hpp"
#include "store/node_stores.hpp"
#include "views/status_view.hpp"

namespace biplane {

// Why a request was not carried out; `status` as in HTTP. Nothing has changed.
struct Refusal {
    int status;
    std::string message;
};

struct ApplyOutcome {
    std::vector<Change> changes;
    std::vector<std::string> warnings;
    uint64_t revision = 0;  // of the documents that are in force
    uint32_t epoch = 0;
    Timings timings{};  // but for `parse`, which is the caller's
};

struct ChangeOptions {
    bool dry_run = false;             // all checks and the list of changes, nothing else
    bool may_move = true;             // false: refused with 409 if a workload would come to another node or namespace
    std::optional<uint64_t> max_cut;  // refused with 409 if more live flows of this node would be cut
};

class Agent {
   public:
    // Opens the stores, loads or adopts the kernel plane and brings everything into force. Problems with single workloads or
    // nodes are not failures: status() tells of them. `pin_lock`: of the pin directory.
    static Result<std::unique_ptr<Agent>> start(const NodeConfig& config, const std::string& object_path, ProcessLock pin_lock);

    // In force when it returns.
    tl::expected<ApplyOutcome, Refusal> apply(const std::vector<Document>& documents, const ChangeOptions& options);
    tl::expected<ApplyOutcome, Refusal> remove(const std::vector<DocumentName>& names, const ChangeOptions& options);

    // What the same would do to live flows and to who may reach whom, as docs/api.md says; changes nothing. At most `listed_max` of
    // each are listed, all are counted.
    tl::expected<Json, Refusal> foresee_apply(const std::vector<Document>& documents, size_t listed_max) const;
    tl::expected<Json, Refusal> foresee_remove(const std::vector<DocumentName>& names, size_t listed_max) const;

    // Looks at the node again and brings into force what has changed.
    void refresh();
    // Compares what guards the node's links with what should: programs, pins, the backstop. Mends it, or closes the links that it
    // cannot mend. Cheap if nothing is amiss.
    void watch();
    // Whether the stores would take a change; mends what it can of them. About once a second.
    void check_stores();
    // Whether something is amiss that may mend itself: look again now and then.
    bool wants_refresh() const;
    bool is_fabric(uint32_t ifindex) const;

    DesiredState desired() const;
    Json status() const;
    Json ports() const;
    Json networks() const;
    Json nodes() const;
    Json workloads() const;
    // Calls `read` with the tables and the names of what is in them.
    ApiReply read_tables(const std::function<ApiReply(const SharedTables&, const TableNames&, const DesiredState&)>& read) const;

   private:
    Agent(NodeConfig config, CommittedDocuments documents, CommittedNumbering numbers, KernelPlane kernel, ProcessLock pin_lock);
    tl::expected<DesiredState, Refusal> state_with(const std::vector<Document>& documents) const;
    tl::expected<DesiredState, Refusal> state_without(const std::vector<DocumentName>& names) const;
    tl::expected<ApplyOutcome, Refusal> change_to(const std::shared_ptr<const DesiredState>& state,
                                                  const std::vector<Document>& documents, const ChangeOptions& options);
    std::string go_back(const Error& why, bool is_committed);
    void note_in_force();
    std::vector<Problem> store_problems() const;
    tl::expected<Json, Refusal> foresee(const DesiredState& wanted, const std::vector<Document>& documents,
                                        size_t listed_max) const;
    tl::expected<void, Refusal> check_cut(const Plan& planned, uint64_t max_cut) const;
    TableShape table_shape() const;
    Result<BoundNamespaces> check_ground(const DesiredState& wanted, const std::vector<Change>& changes,
                                         const std::vector<Document>& documents) const;

    Status converge(const DesiredState& desired);
    std::map<std::string, InterfaceFacts> attach_fabrics(Netlink& netlink);
    void attach_inner_ports(Netlink& netlink, const std::map<std::string, InterfaceFacts>& fabrics);
    Result<AttachedHook> attach_inner_port(Netlink& netlink, InnerPortKind kind, uint32_t mtu);
    bool has_inner_port(InnerPortKind kind) const { return kind == InnerPortKind::cut || config_.user_plane; }
    Result<AttachedHook> attach_workload(const std::string& key, const InterfaceFacts& facts, WorkloadHook hook);
    void attach_ports(const DesiredState& desired, NodeFacts& facts);
    Status put_into_force(const Plan& planned);
    Status guard_links(Netlink& netlink, NodeFacts& facts);
    void bring_links_up(Netlink& netlink, const DesiredState& desired, const NodeFacts& facts, uint32_t mtu);
    Status remove_what_is_gone(Netlink& netlink, const DesiredState& desired, const NodeFacts& facts);
    void note(Level level, std::string text) { problems_.push_back({level, std::move(text)}); }
    void refresh_locked();
    Status watch_links();
    bool mend_programs();
    void restore_pins();
    std::map<uint32_t, Error> check_backstop(Netlink& netlink, const std::vector<Link>& links);
    std::string title_of(uint32_t ifindex) const;

    const NodeConfig config_;
    mutable std::mutex mutex_;
    CommittedDocuments documents_;
    CommittedNumbering numbers_;
    uint64_t in_force_ = 0;  // revision of the documents that the tables are made from
    std::string documents_problem_, numbers_problem_;
    mutable KernelPlane kernel_;
    std::unique_ptr<Publisher> publisher_;  // into kernel_'s tables
    WorkloadLinks workload_links_;
    Underlay underlay_;
    NodeFacts facts_;  // of the last time
    Backstop backstop_;
    std::vector<std::string> weakened_;  // what the kernel refuses of it
    std::optional<ProcessLock> pin_lock_;
    std::string pin_problem_;  // why pins that have gone cannot be made again; empty: all is pinned
    Incidents incidents_;
    std::map<InnerPortKind, InnerPort> inner_ports_;  // those that have their program
    uint32_t punt_mtu_ = ethernet_mtu;
    HooksByInterface hooks_;
    std::vector<Problem> problems_;
    std::map<std::string, Problem> broken_workloads_;  // by key: what is wrong with its link
    Stopwatch stopwatch_;                              // of the change that is being made
    Timings timings_{};                                // of it
    std::string started_at_;
};

}  // namespace biplane
