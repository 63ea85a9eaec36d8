#include "views/flow_list.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "views/flow_json.hpp"

namespace biplane {
namespace {

constexpr uint32_t threads_max = 4;
constexpr uint32_t entries_per_block = 1024;  // up to 512 pairs, 200 KB of JSON: stays in the second-level cache

// Blocks of the table are worked on at once, their texts are passed on in turn.
class Turns {
   public:
    explicit Turns(const TakeText& take) : take_(take) {}
    // Waits until every block before has passed. False if nothing more is wanted.
    bool pass(uint32_t block, std::string_view text) {
        std::unique_lock lock(mutex_);
        turn_changed_.wait(lock, [&] { return turn_ == block; });
        if (outcome_ && !text.empty()) outcome_ = take_(text);
        ++turn_;
        turn_changed_.notify_all();
        return outcome_.has_value();
    }
    Status outcome() const { return outcome_; }

   private:
    const TakeText& take_;
    std::mutex mutex_;
    std::condition_variable turn_changed_;
    uint32_t turn_ = 0;
    Status outcome_;
};

WriteFlow json_line_writer(const TableNames& names, uint32_t now) {
    return [json = std::make_shared<FlowJson>(names, now)](const FlowPair& pair, TextBuffer& buffer) {
        buffer.end_at(put(buffer.room_for(4), ",\n  "));
        json->add(pair, buffer);
    };
}

// The lines of json_line_writer() as an array: the first one goes without its comma.
class JsonArray {
   public:
    explicit JsonArray(const TakeText& take) : take_(take) {}
    Status add(std::string_view lines) {
        if (!is_empty_ || lines.empty()) return take_(lines);
        is_empty_ = false;
        if (auto taken = take_("["); !taken) return taken;
        return take_(lines.substr(1));
    }
    Status finish() { return take_(is_empty_ ? "[]\n" : "\n]\n"); }

   private:
    const TakeText& take_;
    bool is_empty_ = true;
};

}  // namespace

uint32_t FlowSelection::walk(FlowRange range, const std::function<bool(const FlowPair&)>& visit) const {
    const auto wanted = [&](const FlowEntry& flow) { return matches(filter, flow, names); };
    return walk_flows(tables, range, now, wanted, visit);
}

Status write_flows(const FlowSelection& selection, FlowRange range, const std::function<WriteFlow()>& make_writer,
                   const TakeText& take) {
    const uint32_t end = std::min(range.end, selection.tables.flow_entries());
    const uint32_t blocks = range.begin < end ? (end - range.begin - 1) / entries_per_block + 1 : 0;
    std::atomic<uint32_t> next_block = 0;
    Turns turns(take);
    const auto work = [&] {
        const WriteFlow write = make_writer();
        TextBuffer buffer;
        for (uint32_t block = next_block++; block < blocks; block = next_block++) {
            const uint32_t begin = range.begin + block * entries_per_block;
            buffer.clear();
            selection.walk({begin, begin + std::min(end - begin, entries_per_block)}, [&](const FlowPair& pair) {
                write(pair, buffer);
                return true;
            });
            if (!turns.pass(block, buffer.text())) return;
        }
    };
    std::vector<std::jthread> others;
    const uint32_t threads = std::min({blocks, threads_max, std::thread::hardware_concurrency()});
    while (others.size() + 1 < threads) others.emplace_back(work);
    work();
    others.clear();
    return turns.outcome();
}

Status write_flows_json(const FlowSelection& selection, const TakeText& take) {
    JsonArray array(take);
    const auto written = write_flows(
        selection, selection.everything(), [&] { return json_line_writer(selection.names, selection.now); },
        [&](std::string_view lines) { return array.add(lines); });
    return written ? array.finish() : written;
}

std::string flows_json(const FlowSelection& selection, uint64_t limit) {
    const WriteFlow write = json_line_writer(selection.names, selection.now);
    TextBuffer buffer;
    uint64_t written = 0;
    if (limit > 0)
        selection.walk(selection.everything(), [&](const FlowPair& pair) {
            write(pair, buffer);
            return ++written < limit;
        });
    const std::string_view lines = buffer.text();
    return written == 0 ? "[]\n" : "[" + std::string(lines.substr(1)) + "\n]\n";
}

}  // namespace biplane
