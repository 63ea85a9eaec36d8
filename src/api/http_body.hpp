// The body of a message as Beast fills it. Beast's own string_body reserves what Content-Length announces; this one takes memory only
// for what has come.
#pragma once
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>
#include <cstdint>
#include <string>

namespace biplane {

struct HttpBody {
    using value_type = std::string;

    class reader {
       public:
        template <bool is_request, typename Fields>
        reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

        void init(const boost::optional<uint64_t>&, boost::beast::error_code& error) { error = {}; }
        template <typename Buffers>
        size_t put(const Buffers& buffers, boost::beast::error_code& error) {
            size_t count = 0;
            for (const auto buffer : boost::beast::buffers_range_ref(buffers)) {
                body_.append(static_cast<const char*>(buffer.data()), buffer.size());
                count += buffer.size();
            }
            error = {};
            return count;
        }
        void finish(boost::beast::error_code& error) { error = {}; }

       private:
        value_type& body_;
    };
};

}  // namespace biplane
