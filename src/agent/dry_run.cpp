// What a change would do, found without making it: planned into memory, and held against the live flows and the tables in force.
#include <fmt/format.h>

#include "agent/agent.hpp"
#include "views/document_json.hpp"
#include "views/flow_cuts.hpp"
#include "views/reachability.hpp"

namespace biplane {
namespace {

constexpr size_t reasons_named = 5;

std::string cut_refused(const FlowCuts& cuts, uint64_t max_cut, const TableNames& names) {
    std::string by;
    for (size_t i = 0; i < cuts.reasons.size() && i < reasons_named; ++i)
        by += fmt::format("{}{} by {}", i == 0 ? "" : ", ", cuts.reasons[i].flows, name_of(cuts.reasons[i], names));
    if (cuts.reasons.size() > reasons_named) by += fmt::format(", and by {} more", cuts.reasons.size() - reasons_named);
    return fmt::format("this would cut {} live flow{} ({}), and at most {} may be cut; nothing was changed", cuts.cut,
                       cuts.cut == 1 ? "" : "s", by, max_cut);
}

}  // namespace

TableShape Agent::table_shape() const {
    const Config& config = *kernel_.tables().config();
    TableShape shape{};
    std::copy(std::begin(config.hash_secret), std::end(config.hash_secret), shape.hash_secret);
    shape.route_bucket_mask = config.route_bucket_mask;
    shape.flow_pairs = kernel_.tables().flow_entries() / 2;
    return shape;
}

tl::expected<void, Refusal> Agent::check_cut(const Plan& planned, uint64_t max_cut) const {
    const FlowCuts cuts = find_flow_cuts(kernel_.tables(), ImageTables(planned.image, table_shape()), current_tick(), 0);
    if (cuts.cut <= max_cut) return {};
    return tl::unexpected(Refusal{409, cut_refused(cuts, max_cut, TableNames(planned.numbering))});
}

tl::expected<Json, Refusal> Agent::foresee(const DesiredState& wanted, const std::vector<Document>& documents,
                                           size_t listed_max) const {
    const std::vector<Change> changes = changes_between(documents_.state(), wanted);
    if (auto checked = check_ground(wanted, changes, documents); !checked)
        return tl::unexpected(Refusal{400, checked.error().message});
    const TableShape shape = table_shape();
    const auto planned = plan(wanted, facts_, numbers_.given(), shape);
    if (!planned) return tl::unexpected(Refusal{400, planned.error().message});
    const ImageTables image(planned->image, shape);
    const FlowCuts cuts = find_flow_cuts(kernel_.tables(), image, current_tick(), listed_max);
    const auto difference = compare_reachability({documents_.state(), numbers_.given(), kernel_.tables()},
                                                 {wanted, planned->numbering, image}, listed_max);
    return Json{{"changes", to_json(changes)},
                {"flows", to_json(cuts, TableNames(numbers_.given()), TableNames(planned->numbering))},
                {"reachability", to_json(difference)}};
}

tl::expected<Json, Refusal> Agent::foresee_apply(const std::vector<Document>& documents, size_t listed_max) const {
    std::lock_guard lock(mutex_);
    const auto wanted = state_with(documents);
    if (!wanted) return tl::unexpected(wanted.error());
    return foresee(*wanted, documents, listed_max);
}

tl::expected<Json, Refusal> Agent::foresee_remove(const std::vector<DocumentName>& names, size_t listed_max) const {
    std::lock_guard lock(mutex_);
    const auto wanted = state_without(names);
    if (!wanted) return tl::unexpected(wanted.error());
    return foresee(*wanted, {}, listed_max);
}

}  // namespace biplane
