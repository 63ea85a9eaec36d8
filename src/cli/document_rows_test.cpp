#include "cli/document_rows.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "views/document_json.hpp"

namespace biplane {
namespace {

// The cells of the one document in `text`, with all columns.
std::string line_of(const std::string& text) {
    const auto documents = parse_documents(text, "f.yaml");
    EXPECT_TRUE(documents) << documents.error().message;
    const Json row = row_of(to_json(documents->at(0)));
    std::string line;
    for (const Column& column : columns_of(documents->at(0).kind))
        line += column.title + " " + cell_text(row.contains(column.field) ? row[column.field] : Json()) + "\n";
    return line;
}

TEST(DocumentRows, ANetworkPolicyShowsWhomItSelectsAndHowManyRulesItHas) {
    EXPECT_EQ(
        line_of("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p, namespace: shop, labels: { a: b } }\n"
                "spec:\n"
                "  podSelector:\n"
                "    matchLabels: { app: web, tier: front }\n"
                "    matchExpressions:\n"
                "    - { key: a, operator: In, values: [x, w] }\n"
                "    - { key: b, operator: NotIn, values: [z] }\n"
                "    - { key: c, operator: Exists }\n"
                "    - { key: d, operator: DoesNotExist }\n"
                "  policyTypes: [Ingress, Egress]\n"
                "  ingress: [{}, {}]\n"),
        "NAME shop/p\nPODS app=web,tier=front,a in (x,w),b notin (z),c,!d\nTYPES Ingress,Egress\nINGRESS 2\nEGRESS 0\nLABELS "
        "a=b\n");
}

TEST(DocumentRows, ABiplanePolicyShowsItsOrderAndSubject) {
    EXPECT_EQ(
        line_of("apiVersion: biplane.dev/v1alpha1\nkind: BiplanePolicy\nmetadata: { name: p }\n"
                "spec: { order: 7, subject: { namespaceSelector: { matchLabels: { env: prod } } }, egress: [{ action: deny }] }\n"),
        "NAME p\nORDER 7\nNAMESPACES env=prod\nPODS *\nINGRESS 0\nEGRESS 1\nLABELS -\n");
}

TEST(DocumentRows, NamespacesAndNamedPorts) {
    EXPECT_EQ(line_of("apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { env: prod, a: b } }\n"),
              "NAME shop\nLABELS a=b,env=prod\n");
    EXPECT_NE(line_of("apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata: { name: web }\n"
                      "spec: { network: red, node: a, addresses: [10.0.0.1], ports: [{ name: http, port: 80 }] }\n")
                  .find("PORTS http:80/TCP\n"),
              std::string::npos);
}

}  // namespace
}  // namespace biplane
