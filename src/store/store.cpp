#include "store/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/fd.hpp"
#include "base/read_file.hpp"
#include "control/documents/document_kinds.hpp"
#include "control/documents/documents.hpp"

namespace biplane {
namespace {

constexpr char state_name[] = "state.yaml";
constexpr char new_state_name[] = "state.yaml.new";

Status create_directory(const std::string& path) {
    for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string parent = path.substr(0, slash);
        const bool is_last = slash == std::string::npos;
        if (::mkdir(parent.c_str(), is_last ? 0700 : 0755) != 0 && errno != EEXIST)
            return failed_call("create the store directory " + parent, errno);
        if (is_last) return {};
    }
}

Result<Fd> open_directory(const std::string& path) {
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return failed_call("open the store directory " + path, errno);
    return directory;
}

Status write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed_call("write " + path, errno);
        text.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

Status write_durably(const std::string& path, std::string_view text) {
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return failed_call("create " + path, errno);
    if (auto written = write_all(file.get(), text, path); !written) return written;
    if (::fsync(file.get()) != 0) return failed_call("bring to disk " + path, errno);
    if (::close(file.release()) != 0) return failed_call("close " + path, errno);
    return {};
}

Result<DesiredState> read_state(const std::string& path) {
    const auto text = read_file(path);
    if (!text && text.error().code == ENOENT) return DesiredState{};
    if (!text) return tl::unexpected(text.error());
    const auto documents = parse_documents(*text, path);
    if (!documents) return tl::unexpected(documents.error());
    return put_documents(DesiredState{}, *documents);
}

template <typename T>
std::string text_of_value(const T& value) {
    Document document;
    document.value = value;
    return text_of(document);
}

using Texts = std::map<std::string, std::map<std::string, std::string>>;

// In the order in which documents can be applied.
std::string stream_of(const Texts& texts) {
    constexpr std::string_view between = "---\n";
    std::string stream = "# Written by biplaned; replaced as a whole with every change. Use `biplane apply`, not an editor.\n";
    size_t bytes = stream.size();
    for (const auto& [kind, of_kind] : texts)
        for (const auto& [name, text] : of_kind) bytes += between.size() + text.size();
    stream.reserve(bytes);
    for (const std::string& kind : kind_names())
        for (const auto& [name, text] : texts.at(kind)) stream.append(between).append(text);
    return stream;
}

}  // namespace

Result<Store> Store::open(const std::string& directory) {
    if (auto created = create_directory(directory); !created) return tl::unexpected(created.error());
    auto state = read_state(directory + "/" + state_name);
    if (!state)
        return failure(
            "the stored state cannot be used; repair the file, or move it away to start empty and apply your documents again: " +
                state.error().message,
            state.error().code);
    return Store(directory, *std::move(state));
}

// What has not changed since state_ keeps the text it had. Takes texts_ away: they are put back when `state` is on disk.
Store::Texts Store::take_texts_of(const DesiredState& state) {
    Texts texts = std::exchange(texts_, {});
    for (const Change& change : changes_between(*state_, state)) texts[change.kind].erase(change.name);
    visit_maps([&](const char* kind, auto map) {
        auto& of_kind = texts[kind];
        auto place = of_kind.begin();
        for (const auto& [name, value] : state.*map) {  // in the order of the texts, of which none is there without its document
            const bool is_there = place != of_kind.end() && place->first == name;
            if (!is_there) place = of_kind.emplace_hint(place, name, text_of_value(value));
            ++place;
        }
    });
    return texts;
}

Status Store::save(std::shared_ptr<const DesiredState> state) {
    const std::string path = directory_ + "/" + state_name;
    const std::string new_path = directory_ + "/" + new_state_name;
    const auto directory = open_directory(directory_);
    if (!directory) return tl::unexpected(directory.error());
    Texts texts = take_texts_of(*state);
    if (auto written = write_durably(new_path, stream_of(texts)); !written) return written;
    if (::rename(new_path.c_str(), path.c_str()) != 0) return failed_call("replace " + path, errno);
    if (::fsync(directory->get()) != 0) return failed_call("bring to disk the directory " + directory_, errno);
    state_ = std::move(state);
    texts_ = std::move(texts);
    return {};
}

}  // namespace biplane
