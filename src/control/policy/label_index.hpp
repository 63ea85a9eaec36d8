// Who carries which label: a selector is answered from the shortest list of candidates instead of by asking everybody. Labels are
// compared as numbers. Says the same as matches() of policies.hpp.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/documents/policies.hpp"

namespace biplane {

class LabelIndex {
   public:
    using Numbers = std::vector<uint32_t>;  // of the things added, counted from 0; rising

    void add(const Labels& labels);
    Numbers select(const LabelSelector& selector) const { return select_among(selector, all_); }
    Numbers select_among(const LabelSelector& selector, const Numbers& things) const;

   private:
    // A selector in numbers. A label that nobody carries has none.
    struct Question {
        Numbers pairs;                // carries each of these
        std::vector<Numbers> any_of;  // and one of each of these
        Numbers none_of;              // and none of these
        Numbers keys, missing_keys;   // and these keys, not these
        bool is_hopeless = false;     // asks for a label that nobody carries
    };
    struct Carried {
        Numbers keys, pairs;
    };

    Question question_of(const LabelSelector& selector) const;
    void add_requirement(const LabelRequirement& requirement, Question& question) const;
    const Numbers& shortest_candidates(const Question& question, const Numbers& things, Numbers& scratch) const;
    static bool is_answered_by(const Question& question, const Carried& carried);

    std::unordered_map<std::string, uint32_t> key_numbers_, pair_numbers_;
    std::vector<Numbers> with_key_, with_pair_;  // who carries it
    std::vector<Carried> carried_;               // by whom
    Numbers all_;
};

// A text that is the same for equal selectors only.
std::string text_of(const LabelSelector& selector);

}  // namespace biplane
