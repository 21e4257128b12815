// The actors' door with everything scripted: what was asked is noted, what is answered is set by
// the test. One world at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "actors/system.hpp"

namespace samovar::net::testing {

struct actor_script {
  // noted
  std::vector<core::create_job> submitted;
  std::vector<core::job_id> cancelled;
  std::vector<std::pair<core::job_id, std::int32_t>> priorities;
  std::vector<bool> pauses;
  struct wait {
    core::job_id job;
    std::string etag;
    std::chrono::milliseconds time;
    actors::reply<actors::pinned_job_ptr> answer;
  };
  std::vector<wait> waits;
  std::vector<core::quota_use> quotas;
  std::vector<std::pair<core::user_id, core::account_state>> accounts;
  std::vector<core::unit_request> clicks;
  // answered
  std::function<core::outcome<actors::submit_answer>(const core::create_job&)> on_submit;
  std::optional<core::error>
      failure;  ///< for cancel, set_priority, segment, running_images and inspect
  core::unit_output click_output;
  std::vector<core::image_id> running;
  actors::supervisor_state supervisor;
  actors::job_board board;
};

actor_script& script();
/// A fresh script; returns a system that uses it.
std::unique_ptr<actors::system> fake_system();

}  // namespace samovar::net::testing
