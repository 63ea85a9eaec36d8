// Which number each object of this node has in its tables, kept in a store of the node's own: it is no shared document. Only what changes
// is written.
#pragma once
#include <memory>

#include "control/numbering/numbering.hpp"
#include "store/store.hpp"

namespace biplane {

class CommittedNumbering {
   public:
    static Result<CommittedNumbering> open(std::unique_ptr<Store> store);

    const Numbering& given() const { return given_; }
    Revision revision() const { return revision_; }

    // Durable when it succeeds.
    Status commit(Numbering numbering);
    // About once a second: what is wrong with the store, empty if nothing is.
    std::string check() { return store_->check(); }

   private:
    CommittedNumbering(std::unique_ptr<Store> store, Revision revision, Numbering given)
        : store_(std::move(store)), revision_(revision), given_(std::move(given)) {}

    std::unique_ptr<Store> store_;
    Revision revision_;
    Numbering given_;
};

// As a store keeps it: "port workload/shop/web" -> "7\n", "cursor port" -> "7\n". Reading refuses numbers of 0, numbers given twice and
// anything else.
DocumentTexts texts_of(const Numbering& numbering);
Result<Numbering> numbering_of(const DocumentTexts& texts);

}  // namespace biplane
