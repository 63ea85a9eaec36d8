// Against the kernel, in network namespaces that the test makes for itself. Needs root.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "host/ground.hpp"
#include "host/links.hpp"
#include "host/namespaces.hpp"
#include "host/network_events.hpp"
#include "host/offloads.hpp"
#include "host/routing.hpp"
#include "host/sysctls.hpp"

namespace biplane {
namespace {

// A network namespace without a name: a thread makes it, a descriptor keeps it.
NetworkNamespace make_namespace() {
    Result<NetworkNamespace> made = failure("not made");
    std::thread([&] {
        if (unshare(CLONE_NEWNET) == 0) made = NetworkNamespace::current();
    }).join();
    return std::move(*made);
}

constexpr MacAddress near_mac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress far_mac{{2, 0, 0, 0, 0, 2}};

Address address(const char* text) { return *parse_address(text); }
Prefix prefix(const char* text) { return *parse_prefix(text); }

#define ASSERT_DONE(result)                          \
    do {                                             \
        const auto& done_ = (result);                \
        ASSERT_TRUE(done_) << done_.error().message; \
    } while (false)

class Host : public testing::Test {
   protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
        node_.emplace(make_namespace());
        container_.emplace(make_namespace());
    }
    // Runs in the namespace of the node, with a netlink socket of it.
    void in_node(const std::function<void(Netlink&)>& work) { in(*node_, work); }
    void in_container(const std::function<void(Netlink&)>& work) { in(*container_, work); }
    static void in(const NetworkNamespace& space, const std::function<void(Netlink&)>& work) {
        ASSERT_DONE(space.run([&]() -> Status {
            auto netlink = Netlink::open();
            if (!netlink) return tl::unexpected(netlink.error());
            work(*netlink);
            return {};
        }));
    }
    void make_pair(Netlink& netlink) {
        ASSERT_DONE(create_veth(netlink, {"near", near_mac}, {"far", far_mac, container_->fd()}, 1450));
    }
    std::optional<NetworkNamespace> node_, container_;
};

TEST_F(Host, a_veth_pair_is_made_down_with_its_far_end_in_the_other_namespace) {
    in_node([&](Netlink& netlink) {
        make_pair(netlink);
        auto near_end = find_link(netlink, "near");
        ASSERT_TRUE(near_end && *near_end);
        EXPECT_EQ((*near_end)->mac, near_mac);
        EXPECT_EQ((*near_end)->mtu, 1450u);
        EXPECT_EQ((*near_end)->kind, "veth");
        EXPECT_FALSE((*near_end)->up);
        EXPECT_EQ((*near_end)->peer_namespace_id, namespace_id(netlink, container_->fd()).value());
        EXPECT_FALSE(find_link(netlink, "far")->has_value());
    });
    in_container([&](Netlink& netlink) {
        auto far_end = find_link(netlink, "far");
        ASSERT_TRUE(far_end && *far_end);
        EXPECT_EQ((*far_end)->mac, far_mac);
        EXPECT_EQ((*far_end)->mtu, 1450u);
        EXPECT_EQ(driver_of("far").value(), "veth");
    });
}

TEST_F(Host, a_taken_interface_name_is_refused_as_existing) {
    in_container([&](Netlink& netlink) { ASSERT_DONE(create_veth(netlink, {"far", near_mac}, {"x", far_mac}, 1500)); });
    in_node([&](Netlink& netlink) {
        auto created = create_veth(netlink, {"near", near_mac}, {"far", far_mac, container_->fd()}, 1450);
        ASSERT_FALSE(created);
        EXPECT_EQ(created.error().code, EEXIST);
        EXPECT_NE(created.error().message.find("near and far"), std::string::npos);
        EXPECT_FALSE(find_link(netlink, "near")->has_value());
    });
}

TEST_F(Host, what_is_changed_on_a_link_is_found_on_it) {
    in_node([&](Netlink& netlink) {
        make_pair(netlink);
        const uint32_t index = (*find_link(netlink, "near"))->index;
        ASSERT_DONE(change_link(netlink, index, {.up = true, .mtu = 1400, .mac = far_mac, .alias = "who made it"}));
        auto link = *find_link(netlink, "near");
        EXPECT_TRUE(link->up);
        EXPECT_EQ(link->mtu, 1400u);
        EXPECT_EQ(link->mac, far_mac);
        EXPECT_EQ(link->alias, "who made it");
        ASSERT_DONE(delete_link(netlink, index));
        EXPECT_FALSE(find_link(netlink, "near")->has_value());
        ASSERT_DONE(delete_link(netlink, index));  // gone already: nothing to do
    });
}

TEST_F(Host, addresses_are_added_listed_and_removed_in_both_families) {
    in_container([&](Netlink& netlink) {
        ASSERT_DONE(create_veth(netlink, {"near", near_mac}, {"far", far_mac}, 1500));
        const uint32_t index = (*find_link(netlink, "near"))->index;
        ASSERT_DONE(change_link(netlink, index, {.up = true}));
        for (const char* text : {"10.0.0.10/32", "fd00:a::10/128"}) {
            ASSERT_DONE(add_address(netlink, index, prefix(text)));
            ASSERT_DONE(add_address(netlink, index, prefix(text)));  // there already: nothing to do
        }
        EXPECT_EQ(*list_addresses(netlink, index), (std::vector<Prefix>{prefix("10.0.0.10/32"), prefix("fd00:a::10/128")}));
        ASSERT_DONE(remove_address(netlink, index, prefix("10.0.0.10/32")));
        ASSERT_DONE(remove_address(netlink, index, prefix("10.0.0.10/32")));
        EXPECT_EQ(*list_addresses(netlink, index), std::vector<Prefix>{prefix("fd00:a::10/128")});
    });
}

TEST_F(Host, the_way_of_a_container_leads_through_a_gateway_outside_its_subnet) {
    in_container([&](Netlink& netlink) {
        ASSERT_DONE(create_veth(netlink, {"near", near_mac}, {"far", far_mac}, 1500));
        const uint32_t index = (*find_link(netlink, "near"))->index;
        ASSERT_DONE(change_link(netlink, index, {.up = true}));
        ASSERT_DONE(change_link(netlink, (*find_link(netlink, "far"))->index, {.up = true}));
        ASSERT_DONE(add_address(netlink, index, prefix("10.0.0.10/32")));
        ASSERT_DONE(add_address(netlink, index, prefix("fd00:a::10/128")));
        ASSERT_DONE(put_route(netlink, {prefix("169.254.1.1"), std::nullopt, index}));
        ASSERT_DONE(put_route(netlink, {prefix("0.0.0.0/0"), address("169.254.1.1"), index}));
        ASSERT_DONE(put_route(netlink, {prefix("::/0"), address("fe80::1"), index}));
        auto way = find_way(netlink, address("203.0.113.9"));
        ASSERT_DONE(way);
        EXPECT_EQ(way->ifindex, index);
        EXPECT_EQ(way->gateway, address("169.254.1.1"));
        EXPECT_EQ(way->source, address("10.0.0.10"));
        auto ipv6_way = find_way(netlink, address("2001:db8::1"));
        ASSERT_DONE(ipv6_way);
        EXPECT_EQ(ipv6_way->gateway, address("fe80::1"));
        EXPECT_EQ(ipv6_way->source, address("fd00:a::10"));
        EXPECT_EQ(find_way(netlink, address("169.254.1.1"))->gateway, std::nullopt);
    });
}

TEST_F(Host, a_second_route_to_the_same_destination_is_refused_as_existing) {
    in_container([&](Netlink& netlink) {
        ASSERT_DONE(create_veth(netlink, {"near", near_mac}, {"far", far_mac}, 1500));
        const uint32_t index = (*find_link(netlink, "near"))->index;
        ASSERT_DONE(change_link(netlink, index, {.up = true}));
        ASSERT_DONE(add_address(netlink, index, prefix("192.0.2.1/24")));  // a stack without any address takes no gateway
        const LinuxRoute route{prefix("10.0.0.0/24"), address("169.254.1.1"), index};
        ASSERT_DONE(add_route(netlink, route));
        auto second = add_route(netlink, route);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().code, EEXIST);
        ASSERT_DONE(remove_route(netlink, route));
        EXPECT_FALSE(find_way(netlink, address("10.0.0.1")));
    });
}

TEST_F(Host, a_datagram_makes_linux_resolve_the_way_for_it) {
    in_node([&](Netlink& netlink) {
        make_pair(netlink);
        const uint32_t index = (*find_link(netlink, "near"))->index;
        in_container([&](Netlink& inner) {
            const uint32_t far_index = (*find_link(inner, "far"))->index;
            ASSERT_DONE(change_link(inner, far_index, {.up = true}));
            ASSERT_DONE(add_address(inner, far_index, prefix("2001:db8::2/64")));
        });
        ASSERT_DONE(change_link(netlink, index, {.up = true}));
        ASSERT_DONE(add_address(netlink, index, prefix("2001:db8::1/64")));
        std::optional<MacAddress> found;
        for (int i = 0; i < 300 && !found; ++i, usleep(10000)) {
            if (i % 10 == 0) {
                ASSERT_DONE(remove_neighbour(netlink, index, address("2001:db8::2")));
                ASSERT_DONE(send_discarded_datagram(address("2001:db8::1"), address("2001:db8::2")));
            }
            found = *find_neighbour(netlink, index, address("2001:db8::2"));
        }
        EXPECT_EQ(found, far_mac);
    });
}

TEST_F(Host, a_neighbour_is_resolved_on_request_without_any_traffic) {
    in_node([&](Netlink& netlink) {
        make_pair(netlink);
        const uint32_t index = (*find_link(netlink, "near"))->index;
        ASSERT_DONE(change_link(netlink, index, {.up = true}));
        in_container([&](Netlink& inner) {
            const uint32_t far_index = (*find_link(inner, "far"))->index;
            ASSERT_DONE(change_link(inner, far_index, {.up = true}));
            ASSERT_DONE(add_address(inner, far_index, prefix("192.0.2.2/24")));
        });
        ASSERT_DONE(add_address(netlink, index, prefix("192.0.2.1/24")));
        auto events = NetworkEvents::open();
        ASSERT_DONE(events);
        EXPECT_EQ(*find_neighbour(netlink, index, address("192.0.2.2")), std::nullopt);
        ASSERT_DONE(keep_neighbour_resolved(netlink, index, address("192.0.2.2")));
        std::optional<MacAddress> found;
        for (int i = 0; i < 400 && !found; ++i, usleep(10000)) found = *find_neighbour(netlink, index, address("192.0.2.2"));
        EXPECT_EQ(found, far_mac);
        bool told = false;
        ASSERT_DONE(events->drain([&](const NetworkEvent& event) {
            told = told || (event.kind == NetworkEvent::Kind::neighbour && event.ifindex == index);
        }));
        EXPECT_TRUE(told);
        ASSERT_DONE(remove_neighbour(netlink, index, address("192.0.2.2")));
        ASSERT_DONE(put_permanent_neighbour(netlink, index, address("169.254.1.1"), near_mac));
        EXPECT_EQ(*find_neighbour(netlink, index, address("169.254.1.1")), near_mac);
    });
}

TEST_F(Host, ipv6_can_be_switched_off_on_one_interface) {
    in_node([&](Netlink& netlink) {
        make_pair(netlink);
        ASSERT_DONE(set_interface_sysctl("ipv6", "near", "disable_ipv6", "1"));
        std::string setting;
        std::ifstream("/proc/sys/net/ipv6/conf/near/disable_ipv6") >> setting;
        EXPECT_EQ(setting, "1");
        EXPECT_FALSE(set_interface_sysctl("ipv6", "nosuch", "disable_ipv6", "1"));
    });
}

TEST_F(Host, offloads_are_switched_on_and_off) {
    in_node([&](Netlink& netlink) {
        make_pair(netlink);
        ASSERT_DONE(switch_gro("near", true));
        ASSERT_DONE(switch_transmit_offloads("near", false));
        auto refused = switch_gro("nosuch", true);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ENODEV);
    });
}

TEST_F(Host, the_namespace_of_a_process_is_found_by_its_id) {
    auto mine = NetworkNamespace::open(std::to_string(getpid()));
    ASSERT_DONE(mine);
    EXPECT_EQ(*mine, *NetworkNamespace::current());
    EXPECT_FALSE(*mine == *node_);
}

TEST(Namespaces, what_is_wrong_with_a_reference_is_said) {
    EXPECT_EQ(NetworkNamespace::open("biplane-no-such").error().message,
              "there is no network namespace \"biplane-no-such\" (/run/netns/biplane-no-such does not exist)");
    EXPECT_EQ(NetworkNamespace::open("999999999").error().message, "there is no process 999999999");
    EXPECT_EQ(NetworkNamespace::open("/etc/hostname").error().message, "/etc/hostname is not a network namespace");
    EXPECT_EQ(NetworkNamespace::open("/proc/self/ns/mnt").error().message, "/proc/self/ns/mnt is not a network namespace");
}

TEST(Namespaces, what_is_no_namespace_keeps_nobody_waiting) {
    const std::string directory = std::filesystem::temp_directory_path() / ("biplane-references-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory);
    const auto path = [&](const char* name) { return directory + "/" + name; };
    ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
    ASSERT_EQ(symlink(path("fifo").c_str(), path("link").c_str()), 0);
    ASSERT_EQ(symlink(path("loop").c_str(), path("loop").c_str()), 0);
    std::ofstream(path("file")) << "x";
    const Fd listening(socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{AF_UNIX, {}};
    path("socket").copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    for (const std::string& reference : {path("fifo"), path("link"), path("file"), path("socket"), directory,
                                         std::string("/dev/null"), std::string("/dev/tty"), std::string("/proc/self/ns/pid")}) {
        const auto opened = NetworkNamespace::open(reference);
        ASSERT_FALSE(opened) << reference;
        EXPECT_EQ(opened.error().message, reference + " is not a network namespace");
    }
    EXPECT_EQ(NetworkNamespace::open(path("loop")).error().code, ELOOP);
    std::filesystem::remove_all(directory);
}

// ip netns add mounts the namespace at its name; a symbolic link to /proc is another way to have a name.
void reach_by_each_way(const NetworkNamespace& space) {
    const std::string path = std::filesystem::temp_directory_path() / ("biplane-name-" + std::to_string(getpid()));
    const std::string through_process = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(space.fd());
    std::ofstream(path).close();
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount(through_process.c_str(), path.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(symlink(through_process.c_str(), (path + "-link").c_str()), 0);
    struct Case {
        std::string reference;
        bool is_of_process;
    };
    for (const auto& [reference, is_of_process] : {Case{path, false}, {path + "-link", true}, {through_process, true}}) {
        const auto opened = NetworkNamespace::open(reference);
        ASSERT_DONE(opened);
        EXPECT_TRUE(*opened == space) << reference;
        EXPECT_EQ(*opened->cookie(), *space.cookie()) << reference;
        EXPECT_EQ(opened->is_of_process(), is_of_process) << reference;
    }
    umount(path.c_str());
    unlink(path.c_str());
    unlink((path + "-link").c_str());
}

TEST_F(Host, a_namespace_has_a_number_of_its_own_and_is_reached_by_a_name_or_through_a_process) {
    const auto cookie = container_->cookie();
    ASSERT_DONE(cookie);
    EXPECT_NE(*cookie, *node_->cookie());
    EXPECT_TRUE(NetworkNamespace::open(std::to_string(getpid()))->is_of_process());
    std::thread([&] { reach_by_each_way(*container_); }).join();
}

TEST(Ground, a_lock_is_held_by_one_process_and_names_it) {
    const std::string directory = std::filesystem::temp_directory_path() / ("biplane-lock-" + std::to_string(getpid()));
    const std::string path = directory + "/run/lock";
    auto lock = std::make_optional(ProcessLock::acquire(path));
    ASSERT_DONE(*lock);
    auto second = ProcessLock::acquire(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EWOULDBLOCK);
    EXPECT_NE(second.error().message.find("pid " + std::to_string(getpid())), std::string::npos) << second.error().message;
    lock.reset();
    EXPECT_TRUE(ProcessLock::acquire(path));
    auto directory_lock = ProcessLock::acquire(directory);
    ASSERT_DONE(directory_lock);
    EXPECT_EQ(ProcessLock::acquire(directory).error().message,
              directory + " is held by another process, pid " + std::to_string(getpid()));
    std::filesystem::remove_all(directory);
}

TEST(Ground, a_pin_directory_outside_a_bpffs_gets_one_mounted_at_its_parent) {
    if (geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    const pid_t child = fork();
    if (child == 0) {  // in a mount namespace of its own, which goes with the process
        if (unshare(CLONE_NEWNS) < 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) _exit(2);
        const std::string directory = std::filesystem::temp_directory_path() / ("biplane-bpffs-" + std::to_string(getpid()));
        auto mounted = ensure_bpffs(directory + "/bpf/biplane");
        auto again = ensure_bpffs(directory + "/bpf/biplane");
        const bool good = mounted && *mounted == "mounted a BPF file system on " + directory + "/bpf" && again && again->empty();
        umount((directory + "/bpf").c_str());
        std::filesystem::remove_all(directory);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace biplane
