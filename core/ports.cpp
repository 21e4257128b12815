#include "core/ports.hpp"

namespace samovar::core {

user_id user_of(const write_command& c) {
  return std::visit([](const auto& command) { return command.user; }, c);
}

}  // namespace samovar::core
