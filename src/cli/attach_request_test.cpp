#include "cli/attach_request.hpp"

#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "cli/names.hpp"
#include "control/documents/documents.hpp"

namespace biplane {
namespace {

AttachOptions options_of_web() { return {.name = "web", .network = "red", .netns = "web", .addresses = {"10.0.0.10"}}; }

std::string name_in_document(const AttachOptions& options) {
    const auto document = document_of(options, "node-a");
    return document ? parse_documents(*document, "").value().at(0).name : document.error().message;
}

TEST(AttachRequest, AWorkloadIsNamedAsEverywhere) {
    AttachOptions options = options_of_web();
    EXPECT_EQ(name_in_document(options), "default/web");
    options.name = "shop/web-0.web";
    EXPECT_EQ(name_in_document(options), "shop/web-0.web");
    options.name = "";
    EXPECT_EQ(name_in_document(options), "default/web");  // its namespace is called so
    options.netns = "/run/netns/web";
    EXPECT_EQ(name_in_document(options), "a NAME is needed when --netns is a path or a process id");
    options.netns = "4711";
    EXPECT_EQ(document_of(options, "node-a").error().code, usage_error);
}

TEST(AttachRequest, LabelsAreTextsAndGivenOnce) {
    AttachOptions options = options_of_web();
    options.labels = {"app=1", "example.com/tier=", "on=yes"};
    const auto documents = parse_documents(document_of(options, "node-a").value(), "");
    ASSERT_TRUE(documents) << documents.error().message;
    EXPECT_EQ(std::get<Workload>(documents->at(0).value).labels, (Labels{{"app", "1"}, {"example.com/tier", ""}, {"on", "yes"}}));
    options.labels = {"app"};
    EXPECT_EQ(document_of(options, "node-a").error().message, "--label \"app\": expected KEY=VALUE");
    options.labels = {"app=a", "app=b"};
    EXPECT_EQ(document_of(options, "node-a").error().message, "--label: \"app\" is given twice");
}

// What is wrong with the options, in words of the options: there is no file, and no document that the user wrote.
std::string said(AttachOptions options) {
    const auto documents = parse_documents(document_of(options, "node-a").value(), "");
    return documents ? "accepted" : said_of_options(documents.error().message);
}

TEST(AttachRequest, AMessageSpeaksOfOptions) {
    AttachOptions options = options_of_web();
    EXPECT_EQ(said(options), "accepted");
    options.addresses = {"10.0.0.10", "10.0.0.300"};
    EXPECT_EQ(said(options), "--address: found \"10.0.0.300\", expected an IPv4 or IPv6 address");
    options = options_of_web();
    options.name = "Web";
    EXPECT_EQ(said(options).substr(0, 20), "NAME: found \"Web\", e");
    options = options_of_web();
    options.name = "a/b/c";
    EXPECT_EQ(said(options).substr(0, 20), "NAME: found \"b/c\", e");
    options = options_of_web();
    options.labels = {"a b=c"};
    EXPECT_EQ(said(options), "--label: found \"a b\", expected a label key like app or example.com/app");
    options.labels = {"a=\xff"};
    EXPECT_EQ(said(options).substr(0, 14), "--label: found");
    options = options_of_web();
    options.hook = "clsact";
    EXPECT_EQ(said(options), "--hook: found \"clsact\", expected auto, tcx or xdp");
    options = options_of_web();
    options.mac = "1";
    EXPECT_EQ(said(options), "--mac: found \"1\", expected a MAC address, like 02:00:5e:10:00:01");
    EXPECT_EQ(said_of_options("Workload shop/web: spec.network: there is no VirtualNetwork \"rad\""),
              "Workload shop/web: --network: there is no VirtualNetwork \"rad\"");
    EXPECT_EQ(said_of_options("Workload shop/web: spec.addresses[0]: 10.0.0.1 is already used in network \"red\" by Workload a/b"),
              "Workload shop/web: --address: 10.0.0.1 is already used in network \"red\" by Workload a/b");
    EXPECT_EQ(said_of_options("there is a Workload default/web already, on node node-b"),
              "there is a Workload default/web already, on node node-b");
}

TEST(Names, AWorkloadThatIsNotThereIsLookedForInOtherNamespaces) {
    DesiredState desired;
    for (const char* space : {"shop", "blue"}) desired.workloads[std::string(space) + "/web"] = {.name = "web", .space = space};
    EXPECT_EQ(find_workload(desired, "shop/web").value()->key(), "shop/web");
    EXPECT_EQ(find_workload(desired, "web").error().message,
              "there is no workload \"default/web\"; there is blue/web and shop/web");
    EXPECT_EQ(find_workload(desired, "shop/db").error().message, "there is no workload \"shop/db\"");
    EXPECT_EQ(find_workload(desired, "red/shop/web").error().code, usage_error);
    desired.workloads["default/web"] = {.name = "web", .space = "default"};
    EXPECT_EQ(find_workload(desired, "web").value()->key(), "default/web");
}

TEST(Names, ANetworkThatIsNotThereIsRefused) {
    Numbering numbering;
    EXPECT_EQ(check_network(TableNames(numbering), "red").error().message,
              "there is no network \"red\" on this node; there are none");
    numbering.zones = {{"red", 1}, {"blue", 2}};
    EXPECT_TRUE(check_network(TableNames(numbering), "red"));
    EXPECT_TRUE(check_network(TableNames(numbering), ""));
    EXPECT_EQ(check_network(TableNames(numbering), "nope").error().message,
              "there is no network \"nope\" on this node; there is blue and red");
}

}  // namespace
}  // namespace biplane
