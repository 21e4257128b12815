// A private database as full as a team's: many users with many images, jobs, results and prompts.
#pragma once

#include <string>

#include "core/ids.hpp"
#include "storage/database.hpp"

namespace samovar::bench {

struct crowd {
  core::user_id user;    ///< one of them, from the middle
  core::image_id image;  ///< an image of that user with 200 boxes and 200 points
};

/// Fills an empty embedded database: `users` users with `images` images each; every image has a
/// box, a point and a result, every twenty a job. Takes minutes for a million. One that was filled
/// before is used as it is.
crowd find_or_fill(storage::database& db, int users, int images);

/// Login without row-level security that may read everything. Returns its conninfo.
std::string bypassing_login(storage::database& db);

}  // namespace samovar::bench
