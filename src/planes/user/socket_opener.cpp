#include "planes/user/socket_opener.hpp"

#include <net/if.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace biplane {

Result<std::unique_ptr<SocketOpener>> SocketOpener::start(const Umem& umem) {
    Fd ready(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!ready) return failed_call("make an eventfd", errno);
    std::unique_ptr<SocketOpener> opener(new SocketOpener(umem, std::move(ready)));
    try {
        opener->thread_ = std::thread([self = opener.get()] { self->work(); });
    } catch (const std::system_error& error) {
        return failed_call("start the thread that opens sockets", error.code().value());
    }
    return opener;
}

SocketOpener::~SocketOpener() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        wishes_.clear();
    }
    asked_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void SocketOpener::open(SocketWish wish) {
    {
        const std::lock_guard lock(mutex_);
        wishes_.push_back(std::move(wish));
    }
    asked_.notify_one();
}

void SocketOpener::close(SocketTicket ticket, std::unique_ptr<XdpSocket> socket) {
    {
        const std::lock_guard lock(mutex_);
        closings_.push_back({ticket, std::move(socket)});
    }
    asked_.notify_one();
}

std::vector<SocketAnswer> SocketOpener::take_answers() {
    if (!answered_.exchange(false)) return {};
    uint64_t count = 0;
    (void)!read(answers_ready_.get(), &count, sizeof count);  // the number of answers says nothing new
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
}

// In this order: an eventfd that is readable without `answered_` being set would keep the worker from sleeping.
void SocketOpener::answer(SocketAnswer answer) {
    {
        const std::lock_guard lock(mutex_);
        answers_.push_back(std::move(answer));
    }
    const uint64_t one = 1;
    (void)!write(answers_ready_.get(), &one, sizeof one);  // cannot fail before 2^64 - 1 unread answers
    answered_ = true;
}

SocketAnswer SocketOpener::grant(const SocketWish& wish) {
    char name[IFNAMSIZ] = {};
    if (wish.ifindex != 0 && !if_indextoname(wish.ifindex, name))
        return {wish.ticket, false, failed_call("find interface number " + std::to_string(wish.ifindex), errno)};
    const std::string interface = wish.ifindex != 0 ? name : wish.interface;
    return {wish.ticket, false, XdpSocket::open(umem_, interface, wish.queue, wish.sides)};
}

void SocketOpener::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        asked_.wait(lock, [this] { return stopping_ || !wishes_.empty() || !closings_.empty(); });
        if (!wishes_.empty()) {
            const SocketWish wish = std::move(wishes_.front());
            wishes_.pop_front();
            lock.unlock();
            answer(grant(wish));
        } else if (!closings_.empty()) {
            Closing closing = std::move(closings_.front());
            closings_.pop_front();
            lock.unlock();
            closing.socket.reset();
            answer({closing.ticket, true, nullptr});
        } else {
            return;  // stopping, and nothing left to close
        }
        lock.lock();
    }
}

}  // namespace biplane
