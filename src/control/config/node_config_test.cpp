#include "control/config/node_config.hpp"

#include <gtest/gtest.h>

namespace biplane {
namespace {

std::string refusal(const std::string& text) {
    const auto config = parse_node_config(text, "n.yaml");
    return config ? "accepted" : config.error().message;
}

TEST(NodeConfigFile, ANodeOfItsOwnNeedsOnlyItsName) {
    const auto config = parse_node_config("node: node-a\n", "n.yaml").value();
    EXPECT_EQ(config.node, "node-a");
    EXPECT_TRUE(config.fabrics.empty());
    EXPECT_EQ(config.run_directory, "/run/biplane");
    EXPECT_EQ(config.socket_path(), "/run/biplane/biplaned.sock");
    EXPECT_EQ(config.flows, 150000u);
    EXPECT_EQ(config.routes, 32768u);
    EXPECT_EQ(config.workload_hook, "auto");
    EXPECT_TRUE(config.user_plane);
    EXPECT_EQ(config.log_level, "info");
}

TEST(NodeConfigFile, EveryKeyIsRead) {
    const auto config = parse_node_config(R"(
node: node-a
fabric:
  - { interface: eth1 }
  - { interface: eth2, hook: xdp }
runDirectory: /tmp/run/
storeDirectory: /tmp/store
pins: /sys/fs/bpf/x
flows: 1025
routes: 300
workloadHook: clsact
userPlane: false
logLevel: debug
)",
                                          "n.yaml")
                            .value();
    ASSERT_EQ(config.fabrics.size(), 2u);
    EXPECT_EQ(config.fabrics[0].hook, "auto");
    EXPECT_EQ(config.fabrics[1].interface, "eth2");
    EXPECT_EQ(config.fabrics[1].hook, "xdp");
    EXPECT_EQ(config.run_directory, "/tmp/run");
    EXPECT_EQ(config.store_directory, "/tmp/store");
    EXPECT_EQ(config.pin_directory, "/sys/fs/bpf/x");
    EXPECT_EQ(config.flows, 1025u);
    EXPECT_EQ(config.routes, 300u);
    EXPECT_EQ(config.workload_hook, "clsact");
    EXPECT_FALSE(config.user_plane);
    EXPECT_EQ(config.log_level, "debug");
}

TEST(NodeConfigFile, FaultsAreRefusedWithTheirPlace) {
    const struct {
        std::string text, message;
    } cases[] = {
        {"", "n.yaml:1:1: found 0 documents, expected one"},
        {"node: a\n---\nnode: b\n", "n.yaml:1:1: found 2 documents, expected one"},
        {"- a\n", "n.yaml:1:1: found a list, expected a map with the node's configuration"},
        {"flows: 2048\n", "n.yaml:1:1: node: missing, expected the name of this node"},
        {"node: Node_A\n",
         "n.yaml:1:7: node: found \"Node_A\", expected a DNS name: up to 253 of a-z, 0-9, '-' and '.', each part of 1 to 63 "
         "starting "
         "and ending with a letter or digit"},
        {"node: a\nfabric: eth1\n", "n.yaml:2:9: fabric: found \"eth1\", expected a list of fabric interfaces"},
        {"node: a\nfabric: [eth1]\n",
         "n.yaml:2:10: fabric[0]: found \"eth1\", expected a map like { interface: eth1, hook: auto }"},
        {"node: a\nfabric:\n  - { hook: xdp }\n", "n.yaml:3:5: fabric[0].interface: missing, expected the name of an interface"},
        {"node: a\nfabric:\n  - { interface: eth1, hook: tc }\n",
         "n.yaml:3:30: fabric[0].hook: found \"tc\", expected auto, xdp or tcx"},
        {"node: a\nfabric:\n  - { interface: eth1 }\n  - { interface: eth1 }\n",
         "n.yaml:4:5: fabric[1]: interface \"eth1\" is named twice"},
        {"node: a\nfabric:\n  - { interface: eth1, mtu: 9 }\n",
         "n.yaml:3:24: fabric[0]: unknown key \"mtu\", expected interface or hook"},
        {"node: a\nflows: 1023\n", "n.yaml:2:8: flows: found 1023, expected a number from 1024 to 16777216"},
        {"node: a\nroutes: 4194305\n", "n.yaml:2:9: routes: found 4194305, expected a number from 256 to 4194304"},
        {"node: a\nuserPlane: maybe\n", "n.yaml:2:12: userPlane: found \"maybe\", expected true or false"},
        {"node: 1\n", "n.yaml:1:7: node: found the number 1, expected the name of this node; as a text it is written \"1\""},
        {"node: a\nworkloadHook: xdp\n", "n.yaml:2:15: workloadHook: found \"xdp\", expected auto, tcx or clsact"},
        {"node: a\nlogLevel: loud\n", "n.yaml:2:11: logLevel: found \"loud\", expected debug, info, warn or error"},
        {"node: a\nrunDirectory: run\n", "n.yaml:2:15: runDirectory: found \"run\", expected an absolute path"},
        {"node: a\nnoode: b\n",
         "n.yaml:2:1: unknown key \"noode\", expected node, fabric, runDirectory, storeDirectory, pins, flows, routes, "
         "workloadHook, userPlane or logLevel"},
        {"node: a\nfabric: []\n", "accepted"},
        {"node: a\nfabric:\n", "n.yaml:2:1: fabric: found nothing, expected a list of fabric interfaces"},
    };
    for (const auto& c : cases) EXPECT_EQ(refusal(c.text), c.message) << c.text;
}

TEST(NodeConfigFile, AMissingFileIsNamed) {
    EXPECT_EQ(read_node_config("/nonexistent/biplane.yaml").error().message,
              "read the node's configuration: cannot open /nonexistent/biplane.yaml: No such file or directory");
    EXPECT_EQ(read_node_config("/").error().message, "read the node's configuration: cannot read /: Is a directory");
}

}  // namespace
}  // namespace biplane
