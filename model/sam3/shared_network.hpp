// One copy of the weights per device and process.
#pragma once

#include <memory>
#include <string>

#include "model/sam3/network.hpp"

namespace samovar::model::sam3 {

/// The network of this identity on this device: the one that is loaded, or loaded now. Who comes
/// while another loads waits for it. It is freed with its last holder. Throws what loading throws.
std::shared_ptr<const network> shared_network(const checkpoint& from, const std::string& identity,
                                              at::Device device, at::ScalarType compute);

}  // namespace samovar::model::sam3
