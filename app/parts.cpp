#include "app/parts.hpp"

#include <chrono>
#include <iostream>

#include "model/classical.hpp"
#include "model/synthetic.hpp"

namespace samovar::app {

core::timestamp now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

core::uuid new_uuid(const core::secrets& secrets) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
  return core::make_uuid_v7(static_cast<std::uint64_t>(ms.count()), secrets.random_u64(),
                            secrets.random_u64());
}

storage::database_options database_options_of(const config::settings& s) {
  storage::database_options o;
  o.data_dir = s.data_dir;
  o.url = s.database.url;
  o.owner_url = s.database.owner_url;
  o.pool_size = static_cast<std::size_t>(s.database.pool_size);
  return o;
}

std::unique_ptr<core::segmenter> make_segmenter(const config::settings& s) {
  if (s.model.segmenter == "synthetic")
    return model::make_synthetic_segmenter(static_cast<double>(s.model.synthetic_cost_ms));
  return model::make_classical_segmenter();
}

int complain(const std::string& sentence, int exit_code) {
  std::cerr << "samovar: " << sentence << "\n";
  return exit_code;
}

}  // namespace samovar::app
