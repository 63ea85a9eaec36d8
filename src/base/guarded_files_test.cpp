#include "base/guarded_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace biplane {
namespace {

class GuardedFiles : public testing::Test {
   protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "biplane-guarded-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        home_ = pattern;
        std::ofstream(file()) << "text";
        chmod(file().c_str(), 0600);
    }
    void TearDown() override { std::filesystem::remove_all(home_); }

    std::string file() const { return home_ + "/file"; }
    std::string refusal_of_file() const {
        const auto opened = open_guarded_file(file(), O_RDONLY);
        return opened ? "" : opened.error().message;
    }
    std::string home_;
};

TEST_F(GuardedFiles, a_file_and_a_directory_of_our_own_are_opened) {
    const auto opened = open_guarded_file(file(), O_RDONLY);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(read_all(opened->get(), file()).value(), "text");
    EXPECT_TRUE(open_guarded_directory(home_));
}

TEST_F(GuardedFiles, what_is_missing_says_so) {
    EXPECT_EQ(open_guarded_file(home_ + "/none", O_RDONLY).error().code, ENOENT);
    EXPECT_EQ(open_guarded_directory(home_ + "/none").error().code, ENOENT);
}

TEST_F(GuardedFiles, a_symbolic_link_is_refused_also_when_it_leads_to_a_good_file) {
    std::filesystem::create_symlink(file(), home_ + "/link");
    const auto opened = open_guarded_file(home_ + "/link", O_RDONLY);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message, home_ + "/link may not be used: it is a symbolic link, expected a regular file");
    std::filesystem::create_directory_symlink(home_, home_ + "/way");
    EXPECT_EQ(open_guarded_directory(home_ + "/way").error().message,
              home_ + "/way may not be used: it is a symbolic link, expected a directory");
}

TEST_F(GuardedFiles, what_others_may_write_is_refused) {
    for (const mode_t mode : {0620, 0602, 0666}) {
        chmod(file().c_str(), mode);
        EXPECT_NE(refusal_of_file().find("others than its owner may write it"), std::string::npos) << mode;
    }
    chmod(file().c_str(), 0644);
    EXPECT_EQ(refusal_of_file(), "");
    chmod(home_.c_str(), 0777);
    EXPECT_NE(open_guarded_directory(home_).error().message.find("its mode is 0777"), std::string::npos);
}

TEST_F(GuardedFiles, another_users_file_is_refused) {
    if (geteuid() != 0) GTEST_SKIP() << "giving a file away needs root";
    ASSERT_EQ(chown(file().c_str(), 65534, 0), 0);
    EXPECT_EQ(refusal_of_file(), file() + " may not be used: it belongs to user 65534, expected root (chown root " + file() + ")");
}

TEST_F(GuardedFiles, a_fifo_a_device_and_a_directory_are_no_files_and_hold_nothing_up) {
    std::filesystem::remove(file());
    ASSERT_EQ(mkfifo(file().c_str(), 0600), 0);
    EXPECT_EQ(refusal_of_file(), file() + " may not be used: expected a regular file");
    EXPECT_FALSE(open_guarded_file("/dev/zero", O_RDONLY));
    EXPECT_FALSE(open_guarded_file(home_, O_RDONLY));
    EXPECT_EQ(open_guarded_directory(file()).error().message, file() + " may not be used: expected a directory");
}

TEST_F(GuardedFiles, a_directory_is_made_private_and_those_above_it_are_not) {
    ASSERT_TRUE(make_guarded_directory(home_ + "/a/b"));
    ASSERT_TRUE(make_guarded_directory(home_ + "/a/b"));
    EXPECT_EQ(std::filesystem::status(home_ + "/a/b").permissions(), std::filesystem::perms(0700));
    const auto above = make_guarded_directory(file() + "/c");
    ASSERT_FALSE(above);
    EXPECT_EQ(above.error().message, "cannot create the directory " + file() + "/c: Not a directory");
}

}  // namespace
}  // namespace biplane
