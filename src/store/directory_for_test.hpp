// Directories for tests of the store: in memory where there is a tmpfs, because these tests sync some ten thousand times.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "store/embedded_store.hpp"

namespace biplane {

class TestDirectory {
   public:
    TestDirectory() {
        const bool has_tmpfs = ::access("/dev/shm", W_OK) == 0;
        path_ = (has_tmpfs ? std::string("/dev/shm/") : testing::TempDir()) + "biplane-store-XXXXXX";
        EXPECT_NE(mkdtemp(path_.data()), nullptr);
    }
    TestDirectory(const TestDirectory&) = delete;
    ~TestDirectory() { std::filesystem::remove_all(path_); }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

   private:
    std::string path_;
};

inline void copy_store(const std::string& from, const std::string& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    std::filesystem::permissions(to, std::filesystem::perms::owner_all);
}

inline std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
}
inline void write_bytes(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

inline std::vector<std::string> files_of(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

// What a store with documents goes through: commit `step` of a small installation. The last ones close what was open before them.
inline std::vector<DocumentChange> changes_of_step(int step) {
    const auto workload = [](int n) {
        return DocumentChange{{"Workload", "shop/web-" + std::to_string(n)},
                              "apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata:\n  name: web-" + std::to_string(n) +
                                  "\n  namespace: shop\nspec:\n  network: red\n  node: node-a\n  addresses: [10.0.0." +
                                  std::to_string(n) + "]\n"};
    };
    const auto policy = [](const std::string& name, const std::string& rule) {
        return DocumentChange{{"NetworkPolicy", "shop/" + name},
                              "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: " + name +
                                  "\n  namespace: shop\nspec:\n  podSelector: {}\n" + rule};
    };
    switch (step) {
        case 0:
            return {{{"VirtualNetwork", "red"}, "kind: VirtualNetwork\n"},
                    {{"Node", "node-a"}, "kind: Node\n"},
                    workload(1),
                    workload(2)};
        case 1:
            return {policy("open", "  ingress: [{}]\n")};
        case 2:
            return {workload(3), workload(4), {{"Workload", "shop/web-1"}, std::nullopt}};
        case 3:
            return {policy("deny-all", "  policyTypes: [Ingress, Egress]\n")};
        default:
            return {{{"NetworkPolicy", "shop/open"}, std::nullopt},
                    policy("deny-" + std::to_string(step), "  policyTypes: [Ingress]\n")};
    }
}

inline Revision commit_step(Store& store, int step) {
    return store.commit(store.snapshot()->revision.number, changes_of_step(step)).value();
}

}  // namespace biplane
