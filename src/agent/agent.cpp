#include "agent/agent.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>

#include "agent/checks.hpp"
#include "agent/host_ports.hpp"
#include "agent/program_interfaces.hpp"

namespace biplane {
namespace {

TableSizes sizes_of(const NodeConfig& config) {
    TableSizes sizes;
    // A pair takes two entries. Two choices of a bucket without moving entries find no room for the last ones: 20 of 200,000 flows
    // at a load of 0.76. Half as many more keeps below that.
    sizes.flow_buckets = (config.flows + config.flows / 2) * 2 / flow_bucket_ways + 1;
    sizes.route_buckets = std::bit_ceil(config.routes) * 2 / route_bucket_ways;  // two choices fill well up to half
    return sizes;
}

// Then the host has to do nothing: what it has was looked at with the last change, and since then by events.
bool only_policies_change(const std::vector<Change>& changes) {
    return std::all_of(changes.begin(), changes.end(), [](const Change& change) {
        return change.kind == "NetworkPolicy" || change.kind == "BiplanePolicy" || change.kind == "Namespace";
    });
}

Result<TablesInForce> tables_in_force(const NodeConfig& config) {
    const auto pinned = SharedTables::read_config(config.pin_directory);
    if (!pinned) return tl::unexpected(pinned.error());
    if (!*pinned || (*pinned)->version != layout_version || (*pinned)->epoch == 0) return TablesInForce{};
    return TablesInForce{true, (*pinned)->documents_mark, (*pinned)->numbering_mark};
}

std::string time_text(std::time_t time) { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time)); }

}  // namespace

Agent::Agent(NodeConfig config, CommittedDocuments documents, CommittedNumbering numbers, KernelPlane kernel, ProcessLock pin_lock)
    : config_(std::move(config)),
      documents_(std::move(documents)),
      numbers_(std::move(numbers)),
      kernel_(std::move(kernel)),
      publisher_(std::make_unique<Publisher>(kernel_.tables())),
      workload_links_(config_.node, config_.run_directory + "/namespaces.json"),
      underlay_(config_.node),
      backstop_(config_.node),
      pin_lock_(std::move(pin_lock)),
      started_at_(time_text(std::time(nullptr))) {}

// Before anything else links that have lost their program are closed: what follows takes seconds, or fails.
Result<std::unique_ptr<Agent>> Agent::start(const NodeConfig& config, const std::string& object_path, ProcessLock pin_lock) {
    auto interfaces = close_links_without_program(config);
    if (!interfaces) return tl::unexpected(interfaces.error());
    const auto in_force = tables_in_force(config);
    if (!in_force) return tl::unexpected(in_force.error());
    auto documents = open_documents(config.store_directory, *in_force);
    if (!documents) return tl::unexpected(documents.error());
    auto numbers = open_numbering(config.store_directory, *in_force);
    if (!numbers) return tl::unexpected(numbers.error());
    auto kernel = KernelPlane::open({.pin_directory = config.pin_directory,
                                     .object_path = object_path,
                                     .sizes = sizes_of(config),
                                     .force_clsact = config.workload_hook == "clsact",
                                     .interfaces = std::move(*interfaces)});
    if (!kernel) return kernel.error().within("start the kernel plane");
    std::unique_ptr<Agent> agent(
        new Agent(config, std::move(*documents), std::move(*numbers), std::move(*kernel), std::move(pin_lock)));
    if (auto done = agent->converge(agent->documents_.state()); !done) return tl::unexpected(done.error());
    agent->note_in_force();
    return agent;
}

tl::expected<DesiredState, Refusal> Agent::state_with(const std::vector<Document>& documents) const {
    auto wanted = put_documents(documents_.state(), documents);
    if (!wanted) return tl::unexpected(Refusal{400, wanted.error().message});
    return *std::move(wanted);
}

tl::expected<DesiredState, Refusal> Agent::state_without(const std::vector<DocumentName>& names) const {
    for (const DocumentName& name : names)
        if (!has_document(documents_.state(), name))
            return tl::unexpected(Refusal{404, fmt::format("there is no {} \"{}\"", name.kind, name.name)});
    auto wanted = remove_documents(documents_.state(), names);
    if (!wanted) return tl::unexpected(Refusal{409, wanted.error().message});
    return *std::move(wanted);
}

tl::expected<ApplyOutcome, Refusal> Agent::apply(const std::vector<Document>& documents, const ChangeOptions& options) {
    std::lock_guard lock(mutex_);
    stopwatch_ = Stopwatch();
    auto wanted = state_with(documents);
    if (!wanted) return tl::unexpected(wanted.error());
    if (!options.may_move)
        if (auto checked = check_places(documents_.state(), documents); !checked)
            return tl::unexpected(Refusal{409, checked.error().message});
    return change_to(std::make_shared<const DesiredState>(*std::move(wanted)), documents, options);
}

tl::expected<ApplyOutcome, Refusal> Agent::remove(const std::vector<DocumentName>& names, const ChangeOptions& options) {
    std::lock_guard lock(mutex_);
    stopwatch_ = Stopwatch();
    auto wanted = state_without(names);
    if (!wanted) return tl::unexpected(wanted.error());
    return change_to(std::make_shared<const DesiredState>(*std::move(wanted)), {}, options);
}

tl::expected<ApplyOutcome, Refusal> Agent::change_to(const std::shared_ptr<const DesiredState>& state,
                                                     const std::vector<Document>& documents, const ChangeOptions& options) {
    const DesiredState& wanted = *state;
    ApplyOutcome outcome;
    outcome.changes = changes_between(documents_.state(), wanted);
    const auto namespaces = check_ground(wanted, outcome.changes, documents);
    if (!namespaces) return tl::unexpected(Refusal{400, namespaces.error().message});
    outcome.epoch = kernel_.tables().config()->epoch;
    timings_ = {.check = stopwatch_.lap_ms()};
    // What does not fit is refused before anything is written. Where the host changes, it is planned once more, with what the host then has.
    auto planned = plan(wanted, facts_, numbers_.given(), table_shape());
    if (!planned) return tl::unexpected(Refusal{400, planned.error().message + "; nothing was changed"});
    timings_.plan = stopwatch_.lap_ms();
    if (options.max_cut)
        if (auto checked = check_cut(*planned, *options.max_cut); !checked) return tl::unexpected(checked.error());
    if (options.dry_run) return outcome;

    timings_.check += stopwatch_.lap_ms();
    const bool is_committed = !outcome.changes.empty();
    if (is_committed)
        if (auto committed = documents_.commit(state, outcome.changes); !committed)
            return tl::unexpected(Refusal{500, committed.error().message + "; nothing was changed"});
    timings_.store = stopwatch_.lap_ms();
    Status done = workload_links_.remember(*namespaces);
    if (done) done = only_policies_change(outcome.changes) && problems_.empty() ? put_into_force(*planned) : converge(wanted);
    for (const Change& change : outcome.changes)
        if (const auto broken = broken_workloads_.find(change.name);
            done && change.kind == "Workload" && change.action != Change::Action::remove && broken != broken_workloads_.end())
            done = failure("Workload " + change.name + ": " + broken->second.text);
    if (!done) return tl::unexpected(Refusal{500, go_back(done.error(), is_committed)});
    if (auto forgotten = workload_links_.forget_others(wanted); !forgotten) spdlog::warn("{}", forgotten.error().message);
    note_in_force();
    timings_.host = stopwatch_.ms() - timings_.check - timings_.store - timings_.plan - timings_.publish;
    outcome.timings = timings_;
    for (const Problem& problem : problems_) outcome.warnings.push_back(problem.text);
    outcome.revision = in_force_;
    outcome.epoch = kernel_.tables().config()->epoch;
    return outcome;
}

// What could not be brought into force. The state before is, even if the store does not let the change be taken back.
std::string Agent::go_back(const Error& why, bool is_committed) {
    const Status taken_back = is_committed ? documents_.take_back() : Status{};
    const Status converged = converge(documents_.state());
    if (converged) note_in_force();
    std::string message = why.message;
    for (const Status& failed : {taken_back, converged})
        if (!failed) message += "; going back failed: " + failed.error().message;
    if (taken_back && converged) message += "; nothing was changed";
    spdlog::error("{}", message);
    return message;
}

// The marks are what the next agent believes of its stores.
void Agent::note_in_force() {
    in_force_ = documents_.revision().number;
    Config& config = *kernel_.tables().config();
    config.documents_mark = documents_.revision().mark;
    config.numbering_mark = numbers_.revision().mark;
}

void Agent::check_stores() {
    std::lock_guard lock(mutex_);
    const auto before = documents_.revision();
    const auto check = [](auto& store, const char* what, std::string& problem) {
        std::string found = store.check();
        if (found != problem && !found.empty()) spdlog::error("the store of {}: {}", what, found);
        if (found.empty() && !problem.empty()) spdlog::info("the store of {} can be used again", what);
        problem = std::move(found);
    };
    check(documents_, "documents", documents_problem_);
    check(numbers_, "numbers", numbers_problem_);
    // A change was taken back only now: the same documents as another revision.
    if (!(documents_.revision() == before) && in_force_ == before.number) note_in_force();
}

std::vector<Problem> Agent::store_problems() const {
    std::vector<Problem> problems;
    const std::string goes_on = "; nothing can be changed, and the datapath goes on";
    if (!documents_problem_.empty()) problems.push_back({Level::error, "the store of documents: " + documents_problem_ + goes_on});
    if (!numbers_problem_.empty()) problems.push_back({Level::error, "the store of numbers: " + numbers_problem_ + goes_on});
    if (documents_.committed() != in_force_ && documents_problem_.empty())
        problems.push_back({Level::error, fmt::format("revision {} of the documents is committed, and revision {} is in force here",
                                                      documents_.committed(), in_force_)});
    return problems;
}

Result<BoundNamespaces> Agent::check_ground(const DesiredState& wanted, const std::vector<Change>& changes,
                                            const std::vector<Document>& documents) const {
    if (auto checked = check_user_plane(wanted, config_, documents); !checked) return tl::unexpected(checked.error());
    if (auto checked = check_host_ports(wanted); !checked) return tl::unexpected(checked.error());
    if (auto checked = check_interface_names(wanted, config_.node); !checked) return tl::unexpected(checked.error());
    auto netlink = Netlink::open();
    if (!netlink) return tl::unexpected(netlink.error());
    BoundNamespaces bound;
    for (const Change& change : changes) {
        if (change.kind != "Workload" || change.action == Change::Action::remove) continue;
        const Workload& workload = wanted.workloads.at(change.name);
        const auto before = documents_.state().workloads.find(change.name);
        const bool is_known = before != documents_.state().workloads.end() && before->second.netns == workload.netns &&
                              before->second.node == workload.node;
        const auto checked = workload_links_.check(*netlink, workload, !is_known);
        if (checked && *checked) bound.emplace(change.name, **checked);
        if (checked) continue;
        const char* path = checked.error().code == EEXIST ? "spec.interface" : "spec.netns";
        return tl::unexpected(blame(tl::unexpected(checked.error()), documents, change.kind, change.name, path).error());
    }
    return bound;
}

void Agent::refresh() {
    std::lock_guard lock(mutex_);
    refresh_locked();
}

void Agent::refresh_locked() {
    if (auto done = converge(documents_.state()); !done) {
        spdlog::error("{}", done.error().message);
        note(Level::error, done.error().message);
        return;
    }
    note_in_force();
}

bool Agent::wants_refresh() const {
    std::lock_guard lock(mutex_);
    return !problems_.empty();
}

bool Agent::is_fabric(uint32_t ifindex) const {
    std::lock_guard lock(mutex_);
    for (const auto& [name, fact] : facts_.fabrics)
        if (fact.ifindex == ifindex) return true;
    return false;
}

DesiredState Agent::desired() const {
    std::lock_guard lock(mutex_);
    return documents_.state();
}

Json Agent::status() const {
    std::lock_guard lock(mutex_);
    const FormChoice& form = kernel_.form();
    std::vector<Problem> problems = store_problems();
    problems.insert(problems.end(), problems_.begin(), problems_.end());
    if (!pin_problem_.empty()) problems.push_back({Level::error, pin_problem_});
    for (const std::string& text : weakened_) problems.push_back({Level::warning, text});
    for (std::string& text : incidents_.recent()) problems.push_back({Level::warning, std::move(text)});
    const AgentFacts agent{.running = true,
                           .pid = getpid(),
                           .adopted = kernel_.adopted(),
                           .programs_replaced = kernel_.replaced(),
                           .table_form = form.form == TableForm::direct ? "direct" : "lookup",
                           .refused_form = form.is_refusal ? form.reason : "",
                           .started_at = started_at_,
                           .hooks = hooks_,
                           .problems = std::move(problems),
                           .committed = documents_.committed(),
                           .in_force = in_force_};
    return status_to_json(config_, kernel_.tables(), &documents_.state(), agent);
}

Json Agent::ports() const {
    std::lock_guard lock(mutex_);
    return ports_to_json(read_ports(kernel_.tables()), TableNames(numbers_.given()), hooks_);
}

ApiReply Agent::read_tables(
    const std::function<ApiReply(const SharedTables&, const TableNames&, const DesiredState&)>& read) const {
    std::lock_guard lock(mutex_);
    return read(kernel_.tables(), TableNames(numbers_.given()), documents_.state());
}

Json Agent::networks() const {
    std::lock_guard lock(mutex_);
    Json list = Json::array();
    for (const auto& [name, network] : documents_.state().networks) {
        int workloads = 0, local = 0;
        for (const auto& [key, workload] : documents_.state().workloads) {
            if (workload.network != name) continue;
            ++workloads;
            local += workload.node == config_.node;
        }
        Json subnets = Json::array();
        for (const Prefix& subnet : network.subnets) subnets.push_back(to_string(subnet));
        const auto zone = numbers_.given().zones.find(name);
        list.push_back({{"name", name},
                        {"vni", network.vni},
                        {"zone", zone == numbers_.given().zones.end() ? 0 : zone->second},
                        {"plane", network.plane == Plane::user ? "user" : "kernel"},
                        {"whenUserPlaneDown", network.fallback_to_kernel ? "kernel" : "drop"},
                        {"subnets", subnets},
                        {"workloads", workloads},
                        {"localWorkloads", local}});
    }
    return list;
}

Json Agent::nodes() const {
    std::lock_guard lock(mutex_);
    Json list = Json::array();
    for (const auto& [name, node] : documents_.state().nodes) {
        Json addresses = Json::array(), ways = Json::array();
        for (const Address& address : node.addresses) {
            addresses.push_back(to_string(address));
            const auto way = facts_.underlay.find(address);
            if (way == facts_.underlay.end()) continue;
            const bool is_resolved = !(way->second.next_hop == MacAddress{});
            ways.push_back({{"address", to_string(address)},
                            {"fabric", way->second.fabric},
                            {"nextHopMac", is_resolved ? to_string(way->second.next_hop) : ""},
                            {"source", to_string(way->second.source)}});
        }
        list.push_back({{"name", name}, {"addresses", addresses}, {"local", name == config_.node}, {"ways", ways}});
    }
    return list;
}

Json Agent::workloads() const {
    std::lock_guard lock(mutex_);
    Json list = Json::array();
    for (const auto& [key, workload] : documents_.state().workloads) {
        Json addresses = Json::array();
        for (const Address& address : workload.addresses) addresses.push_back(to_string(address));
        const bool is_local = workload.node == config_.node;
        const auto broken = broken_workloads_.find(key);
        list.push_back({{"name", workload.name},
                        {"namespace", workload.space},
                        {"network", workload.network},
                        {"node", workload.node},
                        {"addresses", addresses},
                        {"netns", workload.netns},
                        {"interface", workload.interface},
                        {"mac", to_string(mac_of(workload))},
                        {"hostInterface", is_local && !workload.netns.empty() ? host_interface_of(key) : ""},
                        {"local", is_local},
                        {"attached", facts_.workloads.contains(key)},
                        {"problem", broken == broken_workloads_.end() ? "" : broken->second.text}});
    }
    return list;
}

}  // namespace biplane
