// The documents of a store as the agent uses them: parsed and checked, and what a change of them is committed as.
//
// What is committed is not yet in force. Where it cannot be brought into force it is taken back: state() is the one before at once, and
// the store's as soon as the store takes it.
#pragma once
#include <functional>
#include <memory>

#include "control/documents/documents.hpp"
#include "store/store.hpp"

namespace biplane {

class CommittedDocuments {
   public:
    // Refused if the store's documents cannot be read, or contradict each other.
    static Result<CommittedDocuments> open(std::unique_ptr<Store> store);

    const DesiredState& state() const { return *state_; }
    // The same, for whoever needs it when another one has been committed: copying ten thousand policies takes longer than planning them.
    std::shared_ptr<const DesiredState> shared() const { return state_; }
    Revision revision() const { return revision_; }  // of state()
    uint64_t committed() const {
        return committed_.number;
    }  // in the store: another one while something has still to be taken back

    // `changes` lead from state() to `wanted`. Durable when it succeeds; otherwise nothing has changed and nothing will.
    Status commit(std::shared_ptr<const DesiredState> wanted, const std::vector<Change>& changes);
    // The last commit. If it fails, check() goes on trying, and nothing can be committed until then.
    Status take_back();

    // About once a second: what is wrong with the store, empty if nothing is.
    std::string check();

   private:
    CommittedDocuments(std::unique_ptr<Store> store, Revision revision, DesiredState state);
    Status settle();

    std::unique_ptr<Store> store_;
    Revision revision_, committed_;
    std::shared_ptr<const DesiredState> state_;
    std::shared_ptr<const DesiredState> state_before_;  // the last commit
    Revision revision_before_;
    std::vector<DocumentChange> reverse_;  // what takes the last commit back
    bool is_to_be_taken_back_ = false;
};

// `origin` is what messages call the store.
Result<DesiredState> state_of(const DocumentTexts& documents, const std::string& origin);
DocumentTexts texts_of(const DesiredState& state);
// In an order in which `apply` takes it.
std::string stream_of(const DocumentTexts& documents);

}  // namespace biplane
