// Starting PostgreSQL's programs as another user, with nothing of ours inherited.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "storage/cluster_paths.hpp"

namespace samovar::storage {

struct child_options {
  std::vector<std::string> argv;  ///< argv[0] is the absolute path
  std::optional<account> run_as;
  std::filesystem::path log;             ///< stdout and stderr are appended here
  int death_signal = 0;                  ///< sent when the *thread* that forked ends; 0: none
  std::vector<std::string> environment;  ///< "NAME=value", beside the fixed ones
};

/// Forks and executes. The child has /dev/null as stdin, no other descriptor of ours, a fixed
/// environment (UTF-8, UTC, English) and default signal handling. Throws cluster_error when the log
/// can't be opened or fork fails; a program that can't be executed exits with 127.
pid_t start_child(const child_options& options);
/// Waits for the end; the exit status, or 128 + signal.
int wait_child(pid_t pid);

}  // namespace samovar::storage
