// NetworkPolicies as a Kubernetes API server judged them (tests/policy/kubernetes_validation.json): what it took, what it refused, and
// what it understood. Where Biplane decides otherwise, the reason stands beside the case.
#include <gtest/gtest.h>

#include "base/read_file.hpp"
#include "control/documents/document_tree.hpp"

namespace biplane {
namespace {

using Json = nlohmann::json;

Json read_cases() { return Json::parse(read_file(BIPLANE_SOURCE_DIR "/tests/policy/kubernetes_validation.json").value())["cases"]; }

Result<std::vector<Document>> judge(const std::string& text) { return parse_documents({DocumentText{"case.yaml", text}}); }

// The same policy with the spec that the API server stored.
DocumentValue with_stored_spec(const Document& document, const Json& spec) {
    Json tree = tree_of(document.value);
    tree["spec"] = spec;
    const auto documents = judge(tree.dump());
    EXPECT_TRUE(documents) << documents.error().message;
    return documents->at(0).value;
}

TEST(KubernetesValidation, IsTheSameButWhereAReasonIsGiven) {
    const Json cases = read_cases();
    EXPECT_EQ(cases.size(), 142u);
    for (const Json& c : cases) {
        const auto question = c["question"].get<std::string>(), kubernetes = c["kubernetes"].get<std::string>();
        const auto documents = judge(c["document"].get<std::string>());
        const std::string decided = documents ? "taken" : "refused";
        EXPECT_EQ(decided, c.value("biplane", kubernetes)) << question << (documents ? "" : ": " + documents.error().message);
        EXPECT_EQ(c.contains("why"), c.contains("biplane")) << question;
        EXPECT_NE(c.value("biplane", ""), kubernetes) << question << ": there is no difference to explain";
        if (!documents || !c.contains("stored")) continue;
        ASSERT_EQ(documents->size(), 1u) << question;
        EXPECT_EQ(documents->at(0).value, with_stored_spec(documents->at(0), c["stored"])) << question;
    }
}

// A refusal says where, in words of the document.
TEST(KubernetesValidation, EveryRefusalHasAPlace) {
    for (const Json& c : read_cases()) {
        const auto documents = judge(c["document"].get<std::string>());
        EXPECT_TRUE(documents || documents.error().message.starts_with("case.yaml:")) << documents.error().message;
    }
}

}  // namespace
}  // namespace biplane
