// Flows as rows of text, for people: they look like those of TablePrinter (cli/table.hpp), and a million take no longer than they must.
// Keeps what it has found out about names, so each thread has a copy of its own.
#pragma once
#include <array>
#include <vector>

#include "views/flow_view.hpp"
#include "views/name_texts.hpp"
#include "views/text_buffer.hpp"

namespace biplane {

enum class FlowColumn : uint8_t {
    network,
    zone,
    plane,
    protocol,
    source,
    destination,
    state,
    packets,
    bytes,
    replies,
    reply_bytes,
    next_hop,
    reply_next_hop,
    idle,
    age,  // from here on only with -o wide
    vni,
    ingress,
    epoch,
};
constexpr size_t flow_columns = 18;

class FlowRows {
   public:
    using Widths = std::array<size_t, flow_columns>;

    // Keeps a reference to `names`.
    FlowRows(const TableNames& names, uint32_t now, bool wide);
    // Columns as wide as this pair's cells at least. They are as wide as their titles from the start; what is wider than its
    // column pushes the rest of its line out.
    void make_room_for(const FlowPair& pair);
    const Widths& widths() const { return widths_; }
    void set_widths(const Widths& widths) { widths_ = widths; }

    void add_titles(TextBuffer& buffer) const;
    void add(const FlowPair& pair, TextBuffer& buffer);

   private:
    char* put_cell(char* at, FlowColumn column, const FlowPair& pair);
    char* put_end(char* at, const Address& address, be16 port, uint8_t protocol);
    size_t line_size_max(const FlowPair& pair);

    uint32_t now_;
    size_t columns_shown_;
    Widths widths_{};
    NameTexts networks_, next_hops_, ports_, protocols_;
};

}  // namespace biplane
