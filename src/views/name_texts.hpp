// Texts of numbers, each made when it is first asked for; they live as long as the object. Not for several threads at once.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace biplane {

class NameTexts {
   public:
    explicit NameTexts(std::function<std::string(uint16_t)> make) : make_(std::move(make)) {}
    const std::string& operator[](uint16_t number) {
        if (number >= texts_.size()) texts_.resize(size_t{number} + 1);
        auto& text = texts_[number];
        if (!text) text = std::make_unique<std::string>(make_(number));
        return *text;
    }

   private:
    std::function<std::string(uint16_t)> make_;
    std::vector<std::unique_ptr<std::string>> texts_;
};

}  // namespace biplane
