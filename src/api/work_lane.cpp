#include "api/work_lane.hpp"

#include <algorithm>

namespace biplane {

WorkLane::WorkLane(size_t threads, ApiHandler handler, Done done) : handler_(std::move(handler)), done_(std::move(done)) {
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

WorkLane::~WorkLane() {
    {
        std::lock_guard lock(mutex_);
        is_ending_ = true;
        waiting_.clear();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void WorkLane::add(uint64_t id, ApiRequest request) {
    {
        std::lock_guard lock(mutex_);
        waiting_.emplace_back(id, std::move(request));
    }
    changed_.notify_one();
}

bool WorkLane::cancel(uint64_t id) {
    std::lock_guard lock(mutex_);
    return std::erase_if(waiting_, [&](const auto& job) { return job.first == id; }) > 0;
}

void WorkLane::work() {
    while (true) {
        std::pair<uint64_t, ApiRequest> job;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
            if (is_ending_) return;
            job = std::move(waiting_.front());
            waiting_.pop_front();
        }
        ApiReply reply = handler_(job.second);
        job.second = {};  // before the answer is known: what it took is then to be had again
        done_(job.first, std::move(reply));
    }
}

}  // namespace biplane
