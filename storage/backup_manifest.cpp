#include "storage/backup_manifest.hpp"

#include <nlohmann/json.hpp>

#include "storage/backup_archive.hpp"

namespace samovar::storage {

using nlohmann::json;

std::string manifest_text(const backup_manifest& m) {
  const json j = {{"format", m.format},   {"schema", m.schema},
                  {"program", m.program}, {"postgresql", m.postgresql},
                  {"rows", m.rows},       {"holds_until", m.holds_until},
                  {"blobs", m.blobs},     {"blob_bytes", m.blob_bytes},
                  {"missing", m.missing}, {"sums_sha256", m.sums_sha256}};
  return j.dump(2) + "\n";
}

backup_manifest read_manifest(std::string_view text) {
  try {
    const auto j = json::parse(text);
    backup_manifest m;
    m.format = j.at("format");
    if (m.format != backup_format)
      throw backup_error("the backup has format " + std::to_string(m.format) +
                         ", which this program does not know: use a newer one");
    m.schema = j.at("schema");
    m.program = j.at("program");
    m.postgresql = j.at("postgresql");
    m.holds_until = j.at("holds_until");
    m.rows = j.at("rows").get<std::map<std::string, std::int64_t>>();
    m.blobs = j.at("blobs");
    m.blob_bytes = j.at("blob_bytes");
    m.missing = j.at("missing").get<std::vector<std::string>>();
    m.sums_sha256 = j.at("sums_sha256");
    return m;
  } catch (const json::exception&) {
    throw backup_error("the backup's manifest can't be read");
  }
}

std::string sums_text(const backup_sums& sums) {
  std::string out;
  for (const auto& [name, sum] : sums) out += sum + "  " + name + "\n";
  return out;
}

backup_sums read_sums(std::string_view text) {
  constexpr std::size_t name_at = 64 + 2;
  backup_sums sums;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos || end <= name_at)
      throw backup_error("the backup's list of digests can't be read");
    sums.emplace(text.substr(name_at, end - name_at), text.substr(0, 64));
    text.remove_prefix(end + 1);
  }
  return sums;
}

}  // namespace samovar::storage
