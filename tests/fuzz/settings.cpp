// Settings files: whatever is in them, they are taken or refused with a sentence.
#include "config/command_line.hpp"
#include "config/declarations.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "settings";

void run_target(std::string_view bytes) {
  config::settings s;
  const auto applied = config::apply_toml(s, std::string(bytes), "file");
  if (!applied.ok()) {
    require(applied.failure().detail.starts_with("file: "), "a refusal names the file");
    return;
  }
  require(s.http.port >= 0 && s.http.port <= 65535, "a port is a port");
  require(s.http.io_threads >= 1 && s.devices.slots >= 1, "ranges are kept");
  require(s.log.level == "trace" || s.log.level == "debug" || s.log.level == "info" ||
              s.log.level == "warn" || s.log.level == "error",
          "choices are kept");
}

}  // namespace samovar::fuzz
