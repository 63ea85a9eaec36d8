#include "store/store_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/in_quotes.hpp"
#include "base/sha256.hpp"
#include "store/commit_history.hpp"

namespace biplane {
namespace {

constexpr char put_word[] = "--- # ";
constexpr char removal_word[] = "# removed ";
constexpr char commit_word[] = "# commit ";

// Reads a text from its beginning. What does not fit sets is_good to false, and then everything is empty.
class Scanner {
   public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool is_good() const { return is_good_; }
    bool is_at_end() const { return at_ == text_.size(); }
    size_t position() const { return at_; }
    bool starts_with(std::string_view word) const { return is_good_ && text_.substr(at_).starts_with(word); }

    void word(std::string_view expected) {
        if (starts_with(expected))
            at_ += expected.size();
        else
            is_good_ = false;
    }
    uint64_t number() {
        uint64_t value = 0;
        const char* begin = text_.data() + at_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
        const bool has_leading_zero = end - begin > 1 && *begin == '0';
        if (!is_good_ || error != std::errc() || has_leading_zero) return is_good_ = false, 0;
        at_ += static_cast<size_t>(end - begin);
        return value;
    }
    std::string_view bytes(size_t count) {
        if (!is_good_ || count > text_.size() - at_) return is_good_ = false, std::string_view();
        return text_.substr(std::exchange(at_, at_ + count), count);
    }
    // Up to `end`, which is passed over.
    std::string_view until(char end) {
        const size_t found = is_good_ ? text_.find(end, at_) : text_.npos;
        if (found == text_.npos) return is_good_ = false, std::string_view();
        const std::string_view passed = bytes(found - at_);
        ++at_;
        return passed;
    }
    std::string checksum() {
        const std::string_view digits = bytes(sha256_digits);
        if (digits.find_first_not_of("0123456789abcdef") != digits.npos) is_good_ = false;
        return std::string(digits);
    }

   private:
    std::string_view text_;
    size_t at_ = 0;
    bool is_good_ = true;
};

void write_put(std::string& text, const DocumentKey& key, const std::string& value) {
    text += fmt::format("{}{} {} {}\n", put_word, value.size(), key.kind, key.name);
    text += value;
}

DocumentChange read_change(Scanner& scanner) {
    if (scanner.starts_with(removal_word)) {
        scanner.word(removal_word);
        std::string kind(scanner.until(' '));
        return {{std::move(kind), std::string(scanner.until('\n'))}, std::nullopt};
    }
    scanner.word(put_word);
    const uint64_t bytes = scanner.number();
    scanner.word(" ");
    std::string kind(scanner.until(' ')), name(scanner.until('\n'));
    return {{std::move(kind), std::move(name)}, std::string(scanner.bytes(bytes))};
}

std::string commit_line(uint64_t revision, size_t entries, size_t bytes) {
    return fmt::format("{}{} entries {} bytes {} chain ", commit_word, revision, entries, bytes);
}

// The next record, if all of it is there and it continues the chain.
std::optional<CommitRecord> read_commit(Scanner& scanner, uint64_t revision, const std::string& chain_before) {
    CommitRecord record;
    scanner.word(commit_word);
    record.revision = scanner.number();
    scanner.word(" entries ");
    const uint64_t entries = scanner.number();
    scanner.word(" bytes ");
    const uint64_t bytes = scanner.number();
    scanner.word(" chain ");
    record.chain = scanner.checksum();
    scanner.word("\n");
    const std::string_view payload = scanner.bytes(bytes);
    if (!scanner.is_good() || record.revision != revision) return std::nullopt;
    if (Sha256().add(chain_before).add(commit_line(revision, entries, bytes)).add(payload).hex() != record.chain)
        return std::nullopt;
    Scanner changes(payload);
    while (changes.is_good() && !changes.is_at_end()) record.changes.push_back(read_change(changes));
    if (!changes.is_good() || record.changes.size() != entries) return std::nullopt;
    return record;
}

StoreJournal::Confirmation confirmation_in(std::string_view rest, const CommitRecord& record) {
    const std::string expected = confirmation_of(record.revision, record.chain);
    if (rest.starts_with(expected)) return StoreJournal::Confirmation::given;
    const bool has_room = rest.size() >= expected.size();
    return has_room && is_zero(rest.substr(0, expected.size())) ? StoreJournal::Confirmation::blank
                                                                : StoreJournal::Confirmation::damaged;
}

std::string base_header(const StoreBase& base, size_t bytes) {
    return fmt::format("# biplane-store 1 base generation {} revision {} chain {} entries {} bytes {}\n", base.generation,
                       base.revision, base.chain, base.documents.size(), bytes);
}

std::string end_line(std::string_view all_before) { return fmt::format("# end {}\n", sha256_of(all_before)); }

}  // namespace

bool is_zero(std::string_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

std::string text_of(const StoreBase& base) {
    std::string entries;
    for (const auto& [key, value] : base.documents) write_put(entries, key, value);
    std::string text = base_header(base, entries.size()) + entries;
    return text + end_line(text);
}

Result<StoreBase> parse_base(std::string_view text) {
    StoreBase base;
    Scanner scanner(text);
    scanner.word("# biplane-store 1 base generation ");
    base.generation = scanner.number();
    scanner.word(" revision ");
    base.revision = scanner.number();
    scanner.word(" chain ");
    base.chain = scanner.checksum();
    scanner.word(" entries ");
    const uint64_t entries = scanner.number();
    scanner.word(" bytes ");
    const uint64_t bytes = scanner.number();
    scanner.word("\n");
    Scanner changes(scanner.bytes(bytes));
    if (!scanner.is_good()) return failure("it is shorter than it was, or its beginning has changed");
    if (text.substr(scanner.position()) != end_line(text.substr(0, scanner.position())))
        return failure("its checksum is another one");
    while (changes.is_good() && !changes.is_at_end()) {
        DocumentChange change = read_change(changes);
        if (change.text) base.documents[change.key] = *std::move(change.text);
    }
    if (!changes.is_good() || base.documents.size() != entries) return failure("it does not hold what its beginning says");
    return base;
}

std::string text_of(CommitRecord& record, const std::string& chain_before) {
    std::string payload;
    for (const DocumentChange& change : record.changes) {
        if (change.text)
            write_put(payload, change.key, *change.text);
        else
            payload += fmt::format("{}{} {}\n", removal_word, change.key.kind, change.key.name);
    }
    const std::string line = commit_line(record.revision, record.changes.size(), payload.size());
    record.chain = Sha256().add(chain_before).add(line).add(payload).hex();
    return fmt::format("{}{}\n{}", line, record.chain, payload);
}

std::string confirmation_of(uint64_t revision, const std::string& chain) {
    constexpr size_t digits = 16;
    return fmt::format("# confirmed {} {}\n", revision, chain.substr(0, digits));
}

std::string journal_header(uint64_t generation, uint64_t revision, const std::string& base_checksum) {
    return fmt::format("# biplane-store 1 journal generation {} revision {} base {}\n", generation, revision, base_checksum);
}

Result<StoreJournal> parse_journal(std::string_view text, const StoreBase& base, const std::string& base_checksum) {
    const std::string header = journal_header(base.generation, base.revision, base_checksum);
    if (!text.starts_with(header)) return failure("it does not belong to its base, or its beginning has changed");
    StoreJournal journal;
    journal.end = header.size();
    uint64_t revision = base.revision;
    std::string chain = base.chain;
    while (true) {
        const bool may_go_on = journal.commits.empty() || journal.commits.back().confirmation == StoreJournal::Confirmation::given;
        Scanner scanner(text.substr(journal.end));
        auto record = may_go_on ? read_commit(scanner, revision + 1, chain) : std::nullopt;
        if (!record) break;
        revision = record->revision;
        chain = record->chain;
        const uint64_t end = journal.end + scanner.position();
        const auto confirmation = confirmation_in(text.substr(end), *record);
        journal.end = end + (confirmation == StoreJournal::Confirmation::given ? confirmation_of(revision, chain).size() : 0);
        journal.commits.push_back({*std::move(record), end, confirmation});
    }
    journal.is_followed_by_zeros = is_zero(text.substr(journal.end));
    return journal;
}

std::string slot_of(const StoreHead& head) {
    std::string text = fmt::format("# biplane-store 1 head {} generation {} revision {} chain {} sum ", head.sequence,
                                   head.generation, head.revision, head.chain);
    text += sha256_of(text);
    text.resize(head_slot_bytes - 1, ' ');
    return text + "\n";
}

std::optional<StoreHead> parse_slot(std::string_view slot) {
    StoreHead head;
    Scanner scanner(slot);
    scanner.word("# biplane-store 1 head ");
    head.sequence = scanner.number();
    scanner.word(" generation ");
    head.generation = scanner.number();
    scanner.word(" revision ");
    head.revision = scanner.number();
    scanner.word(" chain ");
    head.chain = scanner.checksum();
    if (!scanner.is_good() || slot != slot_of(head)) return std::nullopt;
    return head;
}

}  // namespace biplane
