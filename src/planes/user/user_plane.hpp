// The user plane of one node: the tables, the sockets, the worker and the loop that drives them. Lives as long as the pinned tables it
// was opened on; when the agent makes new ones, run() returns and the program opens another.
//
// Owner: the program biplane-userplane. It must not outlive the Umem. One thread, apart from the socket opener's.
#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "planes/shared_tables.hpp"
#include "planes/user/heartbeat.hpp"
#include "planes/user/socket_set.hpp"
#include "planes/user/worker.hpp"

namespace biplane {

struct UserPlaneOptions {
    std::string pin_directory;
    std::string punt_interface;  // the inner end of the punt port
};

class UserPlane {
   public:
    // Fails as long as the agent has not made all tables and the punt port.
    static Result<std::unique_ptr<UserPlane>> open(const Umem& umem, const UserPlaneOptions& options);
    ~UserPlane();

    enum class Ending {
        stopped,         // as asked
        tables_replaced  // or removed: what this object has mapped is not the node's datapath any more
    };
    Ending run(const std::atomic<bool>& stop);

   private:
    // Which kernel objects the pins name.
    struct PinIdentity {
        uint32_t config = 0, sockets = 0;
        friend bool operator==(const PinIdentity&, const PinIdentity&) = default;
    };
    static Result<PinIdentity> identify_pins(const std::string& pin_directory);

    UserPlane(UserPlaneOptions options, SharedTables tables, Fd sockets_map, PinIdentity identity);

    uint32_t run_lap();
    void follow_ports(uint32_t epoch);
    bool look_around(uint32_t now);
    void beat(uint32_t now);
    void sleep();
    static void yield();
    void drain();

    UserPlaneOptions options_;
    SharedTables tables_;
    Fd sockets_map_;
    PinIdentity identity_;
    std::unique_ptr<SocketSet> sockets_;
    std::unique_ptr<Worker> worker_;
    std::unique_ptr<Heartbeat> heartbeat_;
    uint32_t followed_epoch_ = 0;
    bool has_followed_ = false;
    uint32_t punt_ifindex_ = 0;                      // outer end, as the sockets know it
    uint32_t last_report_ = 0, last_pin_check_ = 0;  // ticks
    bool was_ready_ = false;
};

}  // namespace biplane
