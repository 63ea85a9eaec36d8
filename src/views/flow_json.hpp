// A pair of flow entries as JSON, written without a document in between. docs/api.md lists the fields. Keeps what it has found
// out about names, so each thread has one of its own.
#pragma once
#include "views/flow_view.hpp"
#include "views/name_texts.hpp"
#include "views/text_buffer.hpp"

namespace biplane {

class FlowJson {
   public:
    // Keeps a reference to `names`.
    FlowJson(const TableNames& names, uint32_t now);
    // Appends the object, in one line without an end.
    void add(const FlowPair& pair, TextBuffer& buffer);

   private:
    uint32_t now_;
    NameTexts networks_, next_hops_, ports_, protocols_;  // quoted, escaped
};

}  // namespace biplane
