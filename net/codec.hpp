// The JSON codec.
#pragma once

#include <string>

#include "core/jobs.hpp"

namespace samovar::net {

std::string job_json(const core::job_view& job);

}  // namespace samovar::net
