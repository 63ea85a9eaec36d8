// Threads that carry out requests, first come, first served. Two lanes keep what only reads from waiting for what changes something.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "api/message.hpp"

namespace biplane {

class WorkLane {
   public:
    // Called on a thread of the lane.
    using Done = std::function<void(uint64_t id, ApiReply reply)>;

    WorkLane(size_t threads, ApiHandler handler, Done done);
    WorkLane(const WorkLane&) = delete;
    ~WorkLane();  // waits for what has begun; the rest is never carried out

    void add(uint64_t id, ApiRequest request);
    // True if it had not begun: then it never will.
    bool cancel(uint64_t id);

   private:
    void work();

    ApiHandler handler_;
    Done done_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<uint64_t, ApiRequest>> waiting_;
    bool is_ending_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace biplane
