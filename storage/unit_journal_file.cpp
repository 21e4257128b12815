#include "storage/unit_journal_file.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace samovar::storage {

namespace {

// "R <job> <image> <deaths>\n": R at work, D not at work but with deaths; blank: free.
constexpr std::size_t record_bytes = 80;
constexpr std::size_t units_max = 1'024;  ///< more are not remembered
constexpr int deaths_max = 99;

struct parsed {
  core::job_id job;
  core::image_id image;
  bool at_work = false;
  int deaths = 0;
};

std::optional<parsed> parse(std::string_view text) {
  if (text.size() != record_bytes || (text[0] != 'R' && text[0] != 'D')) return std::nullopt;
  const auto job = core::parse_uuid(text.substr(2, 36));
  const auto image = core::parse_uuid(text.substr(39, 36));
  const auto tens = text[76], ones = text[77];
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!job || !image || !digit(tens) || !digit(ones)) return std::nullopt;
  return parsed{{*job}, {*image}, text[0] == 'R', (tens - '0') * 10 + (ones - '0')};
}

}  // namespace

unit_journal_file::unit_journal_file(const std::filesystem::path& file) {
  file_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0)
    throw std::filesystem::filesystem_error("can't be opened", file,
                                            std::error_code(errno, std::generic_category()));
  for (std::size_t slot = 0; slot < units_max; ++slot) free_.insert(slot);
  read_left_over();
}

unit_journal_file::~unit_journal_file() { ::close(file_); }

void unit_journal_file::read_left_over() {
  std::string text(record_bytes * units_max, '\0');
  const auto got = ::pread(file_, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  for (std::size_t slot = 0; (slot + 1) * record_bytes <= text.size(); ++slot) {
    const auto r = parse(std::string_view(text).substr(slot * record_bytes, record_bytes));
    const unit u = r ? unit{r->job, r->image} : unit{};
    if (!r || known_.contains(u)) {
      write(slot, nullptr, false, 0);
      continue;
    }
    const int deaths = std::min(r->deaths + (r->at_work ? 1 : 0), deaths_max);
    if (r->at_work)
      spdlog::warn("unit_journal: a device was at work on image {} when the server died ({} times)",
                   to_string(r->image), deaths);
    write(slot, &u, false, deaths);
    known_.emplace(u, record{slot, deaths});
    free_.erase(slot);
    any_deaths_ = true;
  }
}

void unit_journal_file::write(std::size_t slot, const unit* u, bool at_work, int deaths) const {
  std::string text(record_bytes - 1, ' ');
  if (u != nullptr) {
    text[0] = at_work ? 'R' : 'D';
    text.replace(2, 36, to_string(u->first));
    text.replace(39, 36, to_string(u->second));
    text[76] = static_cast<char>('0' + deaths / 10);
    text[77] = static_cast<char>('0' + deaths % 10);
  }
  text += '\n';
  const auto at = static_cast<off_t>(slot * record_bytes);
  // A full disk costs the memory of this unit, and nothing else.
  if (::pwrite(file_, text.data(), text.size(), at) != static_cast<ssize_t>(text.size()))
    spdlog::warn("unit_journal: a record could not be written");
}

void unit_journal_file::begin(core::job_id job, core::image_id image) {
  const unit u{job, image};
  const std::lock_guard lock(mutex_);
  auto at = known_.find(u);
  if (at == known_.end()) {
    if (free_.empty()) return;
    at = known_.emplace(u, record{*free_.begin(), 0}).first;
    free_.erase(free_.begin());
  }
  write(at->second.slot, &u, true, at->second.deaths);
}

void unit_journal_file::end(core::job_id job, core::image_id image) {
  const std::lock_guard lock(mutex_);
  const auto at = known_.find({job, image});
  if (at == known_.end()) return;
  write(at->second.slot, nullptr, false, 0);
  free_.insert(at->second.slot);
  known_.erase(at);
}

int unit_journal_file::deaths(core::job_id job, core::image_id image) const {
  if (!any_deaths_) return 0;
  const std::lock_guard lock(mutex_);
  const auto at = known_.find({job, image});
  return at == known_.end() ? 0 : at->second.deaths;
}

}  // namespace samovar::storage
