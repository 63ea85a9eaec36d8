#include "control/policy/label_index.hpp"

#include <algorithm>

namespace biplane {
namespace {

using Numbers = LabelIndex::Numbers;

std::string pair_of(const std::string& key, const std::string& value) {
    std::string pair;
    pair.reserve(key.size() + 1 + value.size());
    return pair.append(key).append(1, '\0').append(value);
}

uint32_t number_for(std::unordered_map<std::string, uint32_t>& numbers, std::string name) {
    return numbers.try_emplace(std::move(name), static_cast<uint32_t>(numbers.size())).first->second;
}

void note(std::vector<Numbers>& carriers, uint32_t label, uint32_t thing) {
    if (label >= carriers.size()) carriers.resize(label + 1);
    carriers[label].push_back(thing);
}

bool has(const Numbers& carried, uint32_t label) { return std::find(carried.begin(), carried.end(), label) != carried.end(); }

}  // namespace

void LabelIndex::add(const Labels& labels) {
    const auto thing = static_cast<uint32_t>(carried_.size());
    Carried& carried = carried_.emplace_back();
    all_.push_back(thing);
    for (const auto& [key, value] : labels) {
        carried.keys.push_back(number_for(key_numbers_, key));
        carried.pairs.push_back(number_for(pair_numbers_, pair_of(key, value)));
        note(with_key_, carried.keys.back(), thing);
        note(with_pair_, carried.pairs.back(), thing);
    }
}

void LabelIndex::add_requirement(const LabelRequirement& requirement, Question& question) const {
    using Operator = LabelRequirement::Operator;
    const auto key = key_numbers_.find(requirement.key);
    const bool is_known = key != key_numbers_.end();
    if (requirement.is == Operator::exists || requirement.is == Operator::does_not_exist) {
        const bool wants_it = requirement.is == Operator::exists;
        if (is_known) (wants_it ? question.keys : question.missing_keys).push_back(key->second);
        question.is_hopeless |= wants_it && !is_known;
        return;
    }
    Numbers pairs;
    for (const std::string& value : requirement.values)
        if (const auto pair = pair_numbers_.find(pair_of(requirement.key, value)); pair != pair_numbers_.end())
            pairs.push_back(pair->second);
    if (requirement.is == Operator::not_in) {
        question.none_of.insert(question.none_of.end(), pairs.begin(), pairs.end());
        return;
    }
    question.is_hopeless |= pairs.empty();
    question.any_of.push_back(std::move(pairs));
}

LabelIndex::Question LabelIndex::question_of(const LabelSelector& selector) const {
    Question question;
    for (const auto& [key, value] : selector.match_labels) {
        const auto pair = pair_numbers_.find(pair_of(key, value));
        if (pair == pair_numbers_.end()) question.is_hopeless = true;
        if (pair != pair_numbers_.end()) question.pairs.push_back(pair->second);
    }
    for (const LabelRequirement& requirement : selector.match_expressions) add_requirement(requirement, question);
    return question;
}

// `scratch` holds the list if it has to be made.
const Numbers& LabelIndex::shortest_candidates(const Question& question, const Numbers& things, Numbers& scratch) const {
    const Numbers* shortest = &things;
    const auto take_shorter = [&](const Numbers& other) {
        if (other.size() < shortest->size()) shortest = &other;
    };
    for (const uint32_t pair : question.pairs) take_shorter(with_pair_[pair]);
    for (const uint32_t key : question.keys) take_shorter(with_key_[key]);
    for (const Numbers& alternatives : question.any_of) {
        size_t carriers = 0;
        for (const uint32_t pair : alternatives) carriers += with_pair_[pair].size();
        if (carriers >= shortest->size()) continue;
        scratch.clear();
        for (const uint32_t pair : alternatives) scratch.insert(scratch.end(), with_pair_[pair].begin(), with_pair_[pair].end());
        std::sort(scratch.begin(), scratch.end());
        scratch.erase(std::unique(scratch.begin(), scratch.end()), scratch.end());
        shortest = &scratch;
    }
    return *shortest;
}

bool LabelIndex::is_answered_by(const Question& question, const Carried& carried) {
    const auto has_pair = [&](uint32_t pair) { return has(carried.pairs, pair); };
    const auto has_key = [&](uint32_t key) { return has(carried.keys, key); };
    const auto has_one = [&](const Numbers& pairs) { return std::any_of(pairs.begin(), pairs.end(), has_pair); };
    return std::all_of(question.pairs.begin(), question.pairs.end(), has_pair) &&
           std::all_of(question.keys.begin(), question.keys.end(), has_key) &&
           std::all_of(question.any_of.begin(), question.any_of.end(), has_one) && !has_one(question.none_of) &&
           std::none_of(question.missing_keys.begin(), question.missing_keys.end(), has_key);
}

Numbers LabelIndex::select_among(const LabelSelector& selector, const Numbers& things) const {
    const Question question = question_of(selector);
    if (question.is_hopeless) return {};
    Numbers scratch, selected;
    const Numbers& candidates = shortest_candidates(question, things, scratch);
    const bool is_all = things.size() == all_.size();
    for (const uint32_t thing : candidates)
        if ((is_all || &candidates == &things || std::binary_search(things.begin(), things.end(), thing)) &&
            is_answered_by(question, carried_[thing]))
            selected.push_back(thing);
    return selected;
}

std::string text_of(const LabelSelector& selector) {
    std::string text;
    for (const auto& [key, value] : selector.match_labels) text.append(key).append(1, '\1').append(value).append(1, '\2');
    for (const LabelRequirement& requirement : selector.match_expressions) {
        text.append(1, '\3').append(requirement.key).append(1, static_cast<char>('a' + static_cast<int>(requirement.is)));
        for (const std::string& value : requirement.values) text.append(1, '\1').append(value);
    }
    return text;
}

}  // namespace biplane
