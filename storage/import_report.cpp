#include "storage/import_report.hpp"

#include <cstdio>

namespace samovar::storage {

namespace {

constexpr std::size_t lines_kept_max = 500;

void append_lines(std::string& out, const std::string& title, const std::vector<std::string>& lines,
                  std::int64_t count) {
  if (count == 0) return;
  out += title + " (" + std::to_string(count) + "):\n";
  for (const auto& line : lines) out += "  " + line + "\n";
  const auto more = count - static_cast<std::int64_t>(lines.size());
  if (more > 0) out += "  and " + std::to_string(more) + " more\n";
}

void append_count(std::string& out, std::int64_t count, const std::string& what) {
  if (count > 0) out += std::to_string(count) + " " + what + "\n";
}

}  // namespace

void import_report::note(const std::string& what) {
  ++notes_count_;
  if (notes_.size() < lines_kept_max) notes_.push_back(what);
}

void import_report::differs(const std::string& what) {
  ++differences_;
  if (disagreements_.size() < lines_kept_max) disagreements_.push_back(what);
}

std::string import_report::text() const {
  if (!finished_before.empty())
    return "this source was imported for this user already (" + finished_before +
           "): nothing to do\n";
  std::string out;
  char line[120];
  std::snprintf(line, sizeof line, "%-8s %10s %10s %10s %10s\n", "", "found",
                dry_run ? "to import" : "imported", "present", "left out");
  out += line;
  for (const auto kind : import_kinds) {
    const auto& k = (*this)[kind];
    std::snprintf(line, sizeof line, "%-8s %10lld %10lld %10lld %10lld\n", to_string(kind),
                  static_cast<long long>(k.found), static_cast<long long>(k.imported),
                  static_cast<long long>(k.present), static_cast<long long>(k.left_out));
    out += line;
  }
  append_count(out, without_pixels, "images without their file");
  append_count(out, from_mask, "results rebuilt from the union mask as one detection");
  append_count(out, failed_jobs, "unfinished jobs marked as failed: imported before completion");
  append_count(out, requeued_jobs,
               "unfinished jobs queued again: a server starts them when it "
               "starts, or when the user's session does");
  append_count(out, unrecorded_prompts, "jobs whose prompts were not recorded");
  for (const auto& q : quotas) out += q + "\n";
  append_lines(out, "notes", notes_, notes_count_);
  append_lines(out, "source and target differ", disagreements_, differences_);
  if (dry_run)
    out += "dry run: nothing was written\n";
  else if (verified())
    out += "verified: " + std::to_string(verified_rows) + " rows and " +
           std::to_string(verified_files) + " files agree with the source\n";
  return out;
}

}  // namespace samovar::storage
