#include "model/sam3/shared_network.hpp"

#include <map>
#include <mutex>

namespace samovar::model::sam3 {
namespace {

struct slot {
  std::mutex loading;
  std::weak_ptr<const network> loaded;
};

std::shared_ptr<slot> slot_of(const std::string& key) {
  static std::mutex guard;
  static std::map<std::string, std::shared_ptr<slot>> slots;
  const std::lock_guard hold(guard);
  auto& found = slots[key];
  if (!found) found = std::make_shared<slot>();
  return found;
}

}  // namespace

std::shared_ptr<const network> shared_network(const checkpoint& from, const std::string& identity,
                                              at::Device device, at::ScalarType compute) {
  const auto place = slot_of(identity + " " + device.str());
  const std::lock_guard hold(place->loading);
  auto found = place->loaded.lock();
  if (!found) {
    found = load_network(from, device, compute);
    place->loaded = found;
  }
  return found;
}

}  // namespace samovar::model::sam3
