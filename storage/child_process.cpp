#include "storage/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace samovar::storage {

namespace {

constexpr int exit_cannot_run = 127;

struct prepared {
  std::vector<char*> argv;
  std::vector<char*> environment;
  int log = -1;
  int null = -1;
  pid_t parent = 0;
};

// Between fork and exec of a threaded process only async-signal-safe calls are allowed: everything
// that allocates was done before.
[[noreturn]] void become(const child_options& options, const prepared& p) {
  ::setsid();
  ::dup2(p.null, 0);
  ::dup2(p.log, 1);
  ::dup2(p.log, 2);
  ::close_range(3, ~0U, 0);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int s = 1; s < NSIG; ++s) ::sigaction(s, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(077);
  if (options.run_as && (::setgroups(1, &options.run_as->gid) != 0 ||
                         ::setgid(options.run_as->gid) != 0 || ::setuid(options.run_as->uid) != 0))
    ::_exit(exit_cannot_run);
  // A change of uid clears it, so it comes after; and the parent may be gone by now.
  if (options.death_signal != 0) {
    ::prctl(PR_SET_PDEATHSIG, options.death_signal);
    if (::getppid() != p.parent) ::_exit(exit_cannot_run);
  }
  if (::chdir("/") != 0) ::_exit(exit_cannot_run);
  ::execve(p.argv[0], p.argv.data(), p.environment.data());
  ::_exit(exit_cannot_run);
}

}  // namespace

pid_t start_child(const child_options& options) {
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
                                          "TZ=UTC", "HOME=/"};
  // Which of two with one name counts is not defined: what is given takes the place of the fixed.
  for (const auto& given : options.environment) {
    const auto name = given.substr(0, given.find('=') + 1);
    std::erase_if(environment, [&](const auto& e) { return e.starts_with(name); });
    environment.push_back(given);
  }
  prepared p;
  for (const auto& a : options.argv) p.argv.push_back(const_cast<char*>(a.c_str()));
  for (const auto& e : environment) p.environment.push_back(const_cast<char*>(e.c_str()));
  p.argv.push_back(nullptr);
  p.environment.push_back(nullptr);
  p.log = ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  p.null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  p.parent = ::getpid();
  if (p.log < 0 || p.null < 0) {
    if (p.log >= 0) ::close(p.log);
    throw cluster_error("The database's log file cannot be written");
  }
  const pid_t pid = ::fork();
  if (pid == 0) become(options, p);
  ::close(p.log);
  ::close(p.null);
  if (pid < 0) throw cluster_error("The database's program cannot be started (fork failed)");
  return pid;
}

int wait_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace samovar::storage
