// What the agent does around the kernel plane. The links are made in network namespaces of the test's own: that needs root.
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "agent/backstop.hpp"
#include "agent/checks.hpp"
#include "agent/host_ports.hpp"
#include "agent/inner_ports.hpp"
#include "agent/namespace_memory.hpp"
#include "agent/owned_links.hpp"
#include "agent/program_interfaces.hpp"
#include "agent/workload_links.hpp"
#include "base/read_file.hpp"
#include "host/routing.hpp"
#include "host/sysctls.hpp"

namespace biplane {
namespace {

Prefix prefix(const char* text) { return *parse_prefix(text); }
Address address(const char* text) { return *parse_address(text); }

VirtualNetwork network(const char* name, uint32_t vni, Plane plane = Plane::kernel) {
    return {.name = name, .vni = vni, .subnets = {prefix("10.0.0.0/24")}, .plane = plane};
}

std::vector<Document> workload_on(const std::string& node, const std::string& netns) {
    return parse_documents(
               "apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata: { name: web }\n"
               "spec: { network: red, node: " +
                   node + ", addresses: [10.0.0.1], netns: " + netns + " }\n",
               "")
        .value();
}

TEST(AgentChecks, AWorkloadThatWouldMoveIsNamedWithWhereItIs) {
    DesiredState before;
    EXPECT_TRUE(check_places(before, workload_on("node-a", "web")));
    before.workloads["default/web"] = {.name = "web", .space = "default", .node = "node-a", .netns = "web"};
    EXPECT_TRUE(check_places(before, workload_on("node-a", "web")));
    EXPECT_EQ(check_places(before, workload_on("node-b", "web")).error().message,
              "there is a Workload default/web already, on node node-a in network namespace \"web\"");
    EXPECT_EQ(check_places(before, workload_on("node-a", "other")).error().message,
              "there is a Workload default/web already, on node node-a in network namespace \"web\"");
    before.workloads["default/web"].netns.clear();  // known only; it gets its interface now
    EXPECT_TRUE(check_places(before, workload_on("node-a", "web")));
    EXPECT_EQ(check_places(before, workload_on("node-b", "web")).error().message,
              "there is a Workload default/web already, on node node-a");
}

TEST(Checks, a_network_in_the_user_plane_is_refused_where_there_is_none) {
    DesiredState wanted;
    wanted.networks["blue"] = network("blue", 200, Plane::user);
    NodeConfig config;
    EXPECT_TRUE(check_user_plane(wanted, config, {}));
    config.user_plane = false;
    const auto refused = check_user_plane(wanted, config, {});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("VirtualNetwork blue"), std::string::npos);
}

TEST(Checks, overlapping_networks_cannot_both_reach_the_host) {
    DesiredState wanted;
    wanted.networks["red"] = network("red", 100);
    wanted.networks["blue"] = network("blue", 200);
    wanted.routes["r"] = {.name = "r", .network = "red", .destination = prefix("0.0.0.0/0"), .target = ToHost{}};
    EXPECT_TRUE(check_host_ports(wanted));
    wanted.routes["b"] = {.name = "b", .network = "blue", .destination = prefix("0.0.0.0/0"), .target = ToHost{}};
    const auto refused = check_host_ports(wanted);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("networks blue and red"), std::string::npos) << refused.error().message;
    wanted.networks["blue"].subnets = {prefix("10.1.0.0/24")};
    EXPECT_TRUE(check_host_ports(wanted));
}

TEST(Checks, a_document_is_there_or_not) {
    DesiredState state;
    state.networks["red"] = network("red", 100);
    state.workloads["default/web"] = {.name = "web", .space = "default"};
    EXPECT_TRUE(has_document(state, {"VirtualNetwork", "red"}));
    EXPECT_FALSE(has_document(state, {"VirtualNetwork", "blue"}));
    EXPECT_TRUE(has_document(state, {"Workload", "web"}));
    EXPECT_TRUE(has_document(state, {"Workload", "default/web"}));
    EXPECT_FALSE(has_document(state, {"Workload", "shop/web"}));
}

TEST(Checks, a_refusal_names_the_place_in_the_file) {
    const auto documents = parse_documents(
        "apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata: { name: web }\nspec:\n  network: red\n  node: node-a\n"
        "  addresses: [10.0.0.10]\n  netns: web\n",
        "web.yaml");
    ASSERT_TRUE(documents) << documents.error().message;
    const auto blamed = blame(failure("it is gone", ENOENT), *documents, "Workload", "default/web", "spec.netns");
    EXPECT_EQ(blamed.error().message, "web.yaml:8:10: Workload default/web: spec.netns: it is gone");
    EXPECT_EQ(blame(failure("it is gone"), {}, "Workload", "default/web", "spec.netns").error().message,
              "Workload default/web: spec.netns: it is gone");
}

TEST(OwnedLinks, are_known_by_their_alias_and_their_node) {
    const Workload web{.name = "web", .space = "shop", .interface = "eth0"};
    Link link;
    link.alias = alias_of_workload("node-a", web);
    EXPECT_EQ(link.alias, "biplane node-a workload shop/web eth0");
    EXPECT_TRUE(is_owned_by("node-a", link));
    EXPECT_TRUE(is_workload_link("node-a", link));
    EXPECT_FALSE(is_host_port("node-a", link));
    EXPECT_FALSE(is_owned_by("node-b", link));
    EXPECT_FALSE(is_owned_by("node", link));
    EXPECT_FALSE(is_owned_by("node-a", Link{}));
}

// A node and a container, each a namespace that a descriptor keeps. Workloads name theirs by a path below /proc.
class Links : public testing::Test {
   protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
        node_.emplace(make_namespace());
        container_.emplace(make_namespace());
        desired_.networks["red"] = network("red", 100);
        Workload web{.name = "web",
                     .space = "shop",
                     .network = "red",
                     .node = "node-a",
                     .addresses = {address("10.0.0.10"), address("fd00:a::10")},
                     .interface = "eth0"};
        web.netns = path_of(*container_);
        desired_.workloads["shop/web"] = web;
    }
    static NetworkNamespace make_namespace() {
        Result<NetworkNamespace> made = failure("not made");
        std::thread([&] {
            if (unshare(CLONE_NEWNET) == 0) made = NetworkNamespace::current();
        }).join();
        return std::move(*made);
    }
    static std::string path_of(const NetworkNamespace& space) {
        return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(space.fd());
    }
    static void in(const NetworkNamespace& space, const std::function<void(Netlink&)>& work) {
        const auto done = space.run([&]() -> Status {
            auto netlink = Netlink::open();
            if (!netlink) return tl::unexpected(netlink.error());
            work(*netlink);
            return {};
        });
        ASSERT_TRUE(done) << done.error().message;
    }
    WorkloadLinks::Findings ensure(Netlink& netlink, WorkloadLinks& links) {
        auto findings = links.ensure(netlink, desired_, 1450);
        EXPECT_TRUE(findings) << findings.error().message;
        return *std::move(findings);
    }
    const Workload& web() { return desired_.workloads.at("shop/web"); }
    // As when the documents are applied: their references stand for what they lead to now.
    void apply(Netlink& netlink, WorkloadLinks& links) {
        BoundNamespaces bound;
        for (const auto& [key, workload] : desired_.workloads)
            if (const auto checked = links.check(netlink, workload, true); checked && *checked) bound.emplace(key, **checked);
        ASSERT_TRUE(links.remember(bound));
    }

    std::optional<NetworkNamespace> node_, container_;
    DesiredState desired_;
    WorkloadLinks links_{"node-a"};
};

TEST_F(Links, a_workload_gets_its_pair_down_and_then_everything_it_needs) {
    in(*node_, [&](Netlink& netlink) {
        ASSERT_TRUE(links_.check(netlink, web(), true));
        apply(netlink, links_);
        const auto findings = ensure(netlink, links_);
        ASSERT_TRUE(findings.problems.empty()) << findings.problems.begin()->second.message;
        const auto& facts = findings.facts.at("shop/web");
        const auto link = find_link(netlink, host_interface_of("shop/web"));
        ASSERT_TRUE(link && *link);
        EXPECT_FALSE((*link)->up);
        EXPECT_EQ((*link)->index, facts.ifindex);
        EXPECT_EQ((*link)->mac, facts.mac);
        EXPECT_EQ(facts.peer_mac, mac_of(web()));
        EXPECT_TRUE(links_.bring_up(netlink, desired_, ensure(netlink, links_).facts, 1450).empty());
        EXPECT_TRUE((*find_link(netlink, host_interface_of("shop/web")))->up);
    });
    in(*container_, [&](Netlink& netlink) {
        const auto link = find_link(netlink, "eth0");
        ASSERT_TRUE(link && *link);
        EXPECT_TRUE((*link)->up);
        EXPECT_EQ((*link)->mtu, 1450u);
        EXPECT_EQ((*link)->mac, mac_of(web()));
        EXPECT_EQ(*list_addresses(netlink, (*link)->index),
                  (std::vector<Prefix>{prefix("10.0.0.10/32"), prefix("fd00:a::10/128")}));
        EXPECT_EQ(find_way(netlink, address("203.0.113.1"))->gateway, address("169.254.1.1"));
        EXPECT_EQ(find_way(netlink, address("2001:db8::1"))->gateway, address("fe80::1"));
    });
}

TEST_F(Links, a_second_look_changes_nothing_and_a_changed_address_is_followed) {
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        const uint32_t index = ensure(netlink, links_).facts.at("shop/web").ifindex;
        links_.bring_up(netlink, desired_, ensure(netlink, links_).facts, 1450);
        WorkloadLinks after_restart("node-a");
        EXPECT_EQ(ensure(netlink, after_restart).facts.at("shop/web").ifindex, index);
        EXPECT_TRUE(after_restart.bring_up(netlink, desired_, ensure(netlink, after_restart).facts, 1450).empty());
        EXPECT_TRUE(after_restart.check(netlink, web(), true));
        desired_.workloads["shop/web"].addresses = {address("10.0.0.20")};
        EXPECT_TRUE(after_restart.bring_up(netlink, desired_, ensure(netlink, after_restart).facts, 1450).empty());
        EXPECT_EQ(ensure(netlink, after_restart).facts.at("shop/web").ifindex, index);
    });
    in(*container_, [&](Netlink& netlink) {
        const auto link = find_link(netlink, "eth0");
        EXPECT_EQ(*list_addresses(netlink, (*link)->index), std::vector<Prefix>{prefix("10.0.0.20/32")});
        EXPECT_FALSE(find_way(netlink, address("2001:db8::1")));
    });
}

TEST_F(Links, a_taken_interface_name_is_refused_before_anything_is_made) {
    in(*container_, [&](Netlink& netlink) { ASSERT_TRUE(create_veth(netlink, {.name = "eth0"}, {.name = "x"}, 1500)); });
    in(*node_, [&](Netlink& netlink) {
        const auto refused = links_.check(netlink, web(), true);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, EEXIST);
        EXPECT_NE(refused.error().message.find("interface \"eth0\" is there already"), std::string::npos);
        EXPECT_FALSE(ensure(netlink, links_).problems.empty());
        EXPECT_FALSE(find_link(netlink, host_interface_of("shop/web"))->has_value());
    });
}

TEST_F(Links, the_namespace_of_the_node_is_no_place_for_a_workload) {
    desired_.workloads["shop/web"].netns = path_of(*node_);
    in(*node_, [&](Netlink& netlink) {
        const auto refused = links_.check(netlink, web(), true);
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().message.find("the network namespace of the node itself"), std::string::npos);
    });
}

TEST_F(Links, a_workload_that_moves_to_another_namespace_gets_a_new_pair) {
    const NetworkNamespace other = make_namespace();
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        const uint32_t index = ensure(netlink, links_).facts.at("shop/web").ifindex;
        desired_.workloads["shop/web"].netns = path_of(other);
        apply(netlink, links_);
        EXPECT_NE(ensure(netlink, links_).facts.at("shop/web").ifindex, index);
    });
    in(*container_, [&](Netlink& netlink) { EXPECT_FALSE(find_link(netlink, "eth0")->has_value()); });
    in(other, [&](Netlink& netlink) { EXPECT_TRUE(find_link(netlink, "eth0")->has_value()); });
}

// The path of a descriptor stands for a process id here: both may lead to another namespace a moment later.
TEST_F(Links, what_leads_through_a_process_is_not_followed_to_another_namespace) {
    const NetworkNamespace foreign = make_namespace();
    const int descriptor = dup(container_->fd());
    desired_.workloads["shop/web"].netns = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(descriptor);
    const std::string memory = testing::TempDir() + "biplane-namespaces-" + std::to_string(getpid());
    const std::string name = host_interface_of("shop/web");
    const auto has_interface = [&](const NetworkNamespace& space) {
        bool found = false;
        in(space, [&](Netlink& netlink) { found = find_link(netlink, "eth0")->has_value(); });
        return found;
    };
    in(*node_, [&](Netlink& netlink) {
        WorkloadLinks links("node-a", memory);
        apply(netlink, links);
        const uint32_t index = ensure(netlink, links).facts.at("shop/web").ifindex;
        dup2(foreign.fd(), descriptor);  // "recycled"

        auto findings = ensure(netlink, links);
        EXPECT_EQ(findings.facts.at("shop/web").ifindex, index) << "the link that is there goes on";
        EXPECT_EQ(findings.problems.at("shop/web").code, ESTALE);
        EXPECT_TRUE(links.bring_up(netlink, desired_, findings.facts, 1450).empty());
        EXPECT_TRUE((*find_link(netlink, name))->up);
        EXPECT_FALSE(links.check(netlink, web(), false)) << "nor is it followed when another part of the document changes";

        ASSERT_TRUE(delete_link(netlink, index));
        WorkloadLinks after_restart("node-a", memory), without_memory("node-a", memory + ".none");
        for (WorkloadLinks* each : {&links, &after_restart, &without_memory}) {
            findings = ensure(netlink, *each);
            EXPECT_TRUE(findings.facts.empty());
            EXPECT_EQ(findings.problems.at("shop/web").code, ESTALE);
        }
        EXPECT_FALSE(has_interface(foreign));

        dup2(container_->fd(), descriptor);  // the same process after all
        EXPECT_TRUE(ensure(netlink, after_restart).problems.empty());
        EXPECT_TRUE(has_interface(*container_));

        ASSERT_TRUE(after_restart.forget_others({}));  // removed and applied again: then it is what it leads to now
        dup2(foreign.fd(), descriptor);
        apply(netlink, after_restart);
        EXPECT_TRUE(ensure(netlink, after_restart).problems.empty());
        EXPECT_TRUE(has_interface(foreign));
    });
    close(descriptor);
    unlink(memory.c_str());
}

TEST(NamespaceMemory, keeps_what_it_was_told_and_believes_no_damaged_file) {
    const std::string path = testing::TempDir() + "biplane-memory-" + std::to_string(getpid());
    const BoundNamespace first{"4711", 12345678901234567890u}, second{"/proc/4712/ns/net", 5};
    {
        NamespaceMemory memory(path);
        ASSERT_TRUE(memory.remember({{"shop/web", first}}));
        ASSERT_TRUE(memory.remember({{"shop/web", second}}));
        EXPECT_TRUE(memory.has("shop/web", first)) << "a change may still be taken back";
    }
    NamespaceMemory memory(path);
    EXPECT_TRUE(memory.has("shop/web", first));
    EXPECT_TRUE(memory.has("shop/web", second));
    EXPECT_FALSE(memory.has("shop/db", first));
    EXPECT_FALSE(memory.has("shop/web", {"4711", 5}));
    DesiredState desired;
    desired.workloads["shop/web"] = {.name = "web", .space = "shop", .netns = second.reference};
    ASSERT_TRUE(memory.keep_only(desired));
    EXPECT_FALSE(NamespaceMemory(path).has("shop/web", first));
    EXPECT_TRUE(NamespaceMemory(path).has("shop/web", second));
    const std::string text = *read_file(path);
    for (size_t length = 0; length + 2 < text.size(); ++length) {
        std::ofstream(path) << text.substr(0, length);
        EXPECT_FALSE(NamespaceMemory(path).has("shop/web", second)) << length;
    }
    std::ofstream(path) << std::string(text).replace(text.find("boot") + 8, 4, "abcd");
    EXPECT_FALSE(NamespaceMemory(path).has("shop/web", second)) << "of another boot";
    unlink(path.c_str());
}

TEST_F(Links, only_biplanes_own_links_of_this_node_are_removed) {
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        ensure(netlink, links_);
        ASSERT_TRUE(create_veth(netlink, {.name = "bp-00000000"}, {.name = "x"}, 1500));
        ASSERT_TRUE(links_.remove_others(netlink, desired_));
        EXPECT_TRUE(find_link(netlink, host_interface_of("shop/web"))->has_value());
        desired_.workloads.clear();
        ASSERT_TRUE(links_.remove_others(netlink, desired_));
        EXPECT_FALSE(find_link(netlink, host_interface_of("shop/web"))->has_value());
        EXPECT_TRUE(find_link(netlink, "bp-00000000")->has_value());
    });
}

TEST_F(Links, a_missing_namespace_is_a_problem_of_its_workload_alone) {
    Workload lost = web();
    lost.name = "lost", lost.netns = "biplane-no-such";
    desired_.workloads["shop/lost"] = lost;
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        const auto findings = ensure(netlink, links_);
        EXPECT_TRUE(findings.facts.contains("shop/web"));
        ASSERT_EQ(findings.problems.size(), 1u);
        EXPECT_NE(findings.problems.at("shop/lost").message.find("there is no network namespace"), std::string::npos);
    });
}

TEST_F(Links, a_host_port_leads_the_stack_to_the_networks_subnets) {
    desired_.routes["r"] = {.name = "r", .network = "red", .destination = prefix("0.0.0.0/0"), .target = ToHost{}};
    in(*node_, [&](Netlink& netlink) {
        const auto lo = find_link(netlink, "lo");
        ASSERT_TRUE(change_link(netlink, (*lo)->index, {.up = true}));
        const auto ports = ensure_host_ports(netlink, "node-a", desired_, 1450);
        ASSERT_TRUE(ports.problems.empty()) << ports.problems.begin()->second.message;
        const auto problems = bring_up_host_ports(netlink, "node-a", desired_, ports.facts);
        ASSERT_TRUE(problems.empty()) << problems.begin()->second.message;
        EXPECT_TRUE(bring_up_host_ports(netlink, "node-a", desired_, ports.facts).empty());
        const auto stack = find_link(netlink, "bph-100");
        const auto way = find_way(netlink, address("10.0.0.10"));
        ASSERT_TRUE(way) << way.error().message;
        EXPECT_EQ(way->ifindex, (*stack)->index);
        EXPECT_EQ(way->gateway, address("169.254.1.1"));
        EXPECT_EQ(*find_neighbour(netlink, (*stack)->index, address("169.254.1.1")), ports.facts.at("red").mac);
        EXPECT_EQ(ports.facts.at("red").peer_mac, (*stack)->mac);
        desired_.routes.clear();
        ASSERT_TRUE(remove_other_host_ports(netlink, "node-a", desired_));
        EXPECT_FALSE(find_link(netlink, "bph-100")->has_value());
    });
}

TEST_F(Links, without_its_program_a_link_stays_down) {
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        ensure(netlink, links_);
        EXPECT_TRUE(links_.bring_up(netlink, desired_, {}, 1450).empty());
        EXPECT_FALSE((*find_link(netlink, host_interface_of("shop/web")))->up);
    });
}

TEST_F(Links, what_is_up_without_its_program_is_closed_and_nothing_else) {
    desired_.routes["r"] = {.name = "r", .network = "red", .destination = prefix("0.0.0.0/0"), .target = ToHost{}};
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        const auto workloads = ensure(netlink, links_).facts;
        const auto hosts = ensure_host_ports(netlink, "node-a", desired_, 1450).facts;
        for (const InnerPortKind kind : inner_port_kinds) ASSERT_TRUE(ensure_inner_port(netlink, "node-a", kind, 1500));
        ASSERT_TRUE(create_veth(netlink, {.name = "bp-00000000"}, {.name = "x"}, 1500));
        for (const std::string& name :
             std::vector<std::string>{host_interface_of("shop/web"), "bphr-100", "bph-100", punt_outer_name, punt_inner_name,
                                      cut_outer_name, cut_inner_name, "bp-00000000"})
            ASSERT_TRUE(change_link(netlink, (*find_link(netlink, name))->index, {.up = true}));
        const auto has_program = [&](uint32_t ifindex) { return ifindex == hosts.at("red").ifindex; };
        ASSERT_TRUE(close_unattended(netlink, "node-a", *list_links(netlink), has_program));
        EXPECT_FALSE((*find_link(netlink, host_interface_of("shop/web")))->up);
        EXPECT_FALSE((*find_link(netlink, punt_inner_name))->up || (*find_link(netlink, cut_inner_name))->up);
        for (const char* name : {"bphr-100", "bph-100", punt_outer_name, cut_outer_name, "bp-00000000"})
            EXPECT_TRUE((*find_link(netlink, name))->up) << name;
    });
}

// RFC 1812 has a router take any packet for one of its addresses on any interface, and so does Linux: behind the backstop it takes none.
TEST_F(Links, the_backstop_makes_a_port_of_each_link_and_takes_forwarding_ipv6_and_arp_away) {
    desired_.routes["r"] = {.name = "r", .network = "red", .destination = prefix("0.0.0.0/0"), .target = ToHost{}};
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        ensure(netlink, links_);
        ensure_host_ports(netlink, "node-a", desired_, 1450);
        for (const InnerPortKind kind : inner_port_kinds) ASSERT_TRUE(ensure_inner_port(netlink, "node-a", kind, 1500));
        Backstop backstop("node-a");
        const auto findings = backstop.ensure(netlink, *list_links(netlink));
        EXPECT_TRUE(findings.reset.empty() && findings.weakened.empty() && findings.failed.empty());
        const auto bridge = find_link(netlink, backstop_name);
        ASSERT_TRUE(bridge && *bridge);
        EXPECT_FALSE((*bridge)->up);
        for (const std::string& name : std::vector<std::string>{host_interface_of("shop/web"), "bphr-100", punt_outer_name,
                                                                punt_inner_name, cut_outer_name, cut_inner_name}) {
            const auto link = *find_link(netlink, name);
            EXPECT_EQ(link->master, (*bridge)->index) << name;
            EXPECT_TRUE(link->is_isolated_port) << name;
            EXPECT_FALSE(link->has_arp || link->has_ipv6) << name;
            EXPECT_EQ(link->ipv4, (Ipv4Settings{.forwarding = 0, .rp_filter = 1, .accept_local = 0, .arp_ignore = 8})) << name;
        }
        EXPECT_EQ((*find_link(netlink, "bph-100"))->master, 0u) << "the stack's side of a host port is for the stack";
    });
}

TEST_F(Links, the_backstop_is_put_back_and_says_so) {
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        const uint32_t index = ensure(netlink, links_).facts.at("shop/web").ifindex;
        Backstop backstop("node-a");
        backstop.ensure(netlink, *list_links(netlink));
        EXPECT_TRUE(backstop.ensure(netlink, *list_links(netlink)).reset.empty());
        ASSERT_TRUE(change_link(netlink, index, {.master = 0}));
        ASSERT_TRUE(set_interface_sysctl("ipv4", host_interface_of("shop/web"), "forwarding", "1"));
        ASSERT_TRUE(change_link(netlink, (*find_link(netlink, backstop_name))->index, {.up = true}));
        EXPECT_EQ(backstop.ensure(netlink, *list_links(netlink)).reset.size(), 2u);
        const auto link = *find_link(netlink, host_interface_of("shop/web"));
        const auto bridge = *find_link(netlink, backstop_name);
        EXPECT_FALSE(bridge->up);
        EXPECT_EQ(link->master, bridge->index);
        EXPECT_EQ(link->ipv4->forwarding, 0u);
    });
}

TEST_F(Links, a_foreign_interface_of_the_backstops_name_is_left_alone_and_the_settings_stand) {
    in(*node_, [&](Netlink& netlink) {
        apply(netlink, links_);
        ensure(netlink, links_);
        ASSERT_TRUE(create_bridge(netlink, backstop_name, {{2, 0, 0, 0, 0, 9}}));
        const auto findings = Backstop("node-a").ensure(netlink, *list_links(netlink));
        ASSERT_EQ(findings.weakened.size(), 1u);
        EXPECT_NE(findings.weakened[0].find("is there already and is not Biplane's"), std::string::npos) << findings.weakened[0];
        const auto link = *find_link(netlink, host_interface_of("shop/web"));
        EXPECT_EQ(link->master, 0u);
        EXPECT_EQ(link->ipv4->forwarding, 0u);
        EXPECT_FALSE(link->has_arp || link->has_ipv6);
    });
}

TEST_F(Links, an_inner_port_is_made_once) {
    in(*node_, [&](Netlink& netlink) {
        for (const InnerPortKind kind : {InnerPortKind::punt, InnerPortKind::cut}) {
            const auto port = ensure_inner_port(netlink, "node-a", kind, 1500);
            ASSERT_TRUE(port) << port.error().message;
            ASSERT_TRUE(bring_up_inner_port(netlink, kind));
            const auto again = ensure_inner_port(netlink, "node-a", kind, 1500);
            ASSERT_TRUE(again) << again.error().message;
            EXPECT_EQ(again->inner_index, port->inner_index);
            EXPECT_EQ(again->outer_index, port->outer_index);
            EXPECT_FALSE(ensure_inner_port(netlink, "node-b", kind, 1500));  // another node's
        }
    });
}

}  // namespace
}  // namespace biplane
