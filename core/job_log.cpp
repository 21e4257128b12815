#include "core/job_log.hpp"

namespace samovar::core {

user_id user_of(const write_command& c) {
  return std::visit([](const auto& command) { return command.user; }, c);
}

}  // namespace samovar::core
