// Rows of processing_jobs as values; shared by the job repository and the job log.
#pragma once

#include <pqxx/pqxx>

#include "core/jobs.hpp"

// Column list in the order read_job() wants; the snapshot is not among them (it can be large).
#define SAMOVAR_JOB_COLUMNS                                                          \
  "id, user_id, mode, status, priority, image_ids, image_filenames, current_index, " \
  "failed_count, error, version, fencing_token, created_at, started_at, completed_at"

namespace samovar::storage {

inline constexpr int job_column_count = 15;

/// Reads SAMOVAR_JOB_COLUMNS beginning at column `at`; the two lists may be NULL (left empty).
core::job read_job(const pqxx::row& r, int at = 0);

}  // namespace samovar::storage
