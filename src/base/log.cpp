#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace biplane {

Status start_log(const std::string& program, const std::string& level) {
    spdlog::level::level_enum threshold;
    if (level == "debug")
        threshold = spdlog::level::debug;
    else if (level == "info")
        threshold = spdlog::level::info;
    else if (level == "warn")
        threshold = spdlog::level::warn;
    else if (level == "error")
        threshold = spdlog::level::err;
    else
        return failure("unknown log level \"" + level + "\", expected debug, info, warn or error");

    auto logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %n %l: %v");
    logger->set_level(threshold);
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
    return {};
}

}  // namespace biplane
