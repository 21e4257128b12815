// Reads the command line and hands over to app/, which sees every room.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "app/commands.hpp"
#include "app/device_process.hpp"
#include "app/parts.hpp"
#include "config/command_line.hpp"

namespace {

using namespace samovar;

void set_up_logging(const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("samovar");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

int carry_out(const config::command& what) {
  if (const auto* c = std::get_if<config::print_command>(&what)) {
    std::cout << c->text;
    return config::exit_ok;
  }
  if (const auto* c = std::get_if<config::segment_command>(&what)) return app::segment(*c);
  if (const auto* c = std::get_if<config::check_model_command>(&what)) return app::check_model(*c);
  if (const auto* c = std::get_if<config::serve_command>(&what)) {
    set_up_logging(c->options.log.level);
    return app::serve(c->options);
  }
  if (std::holds_alternative<config::device_process_command>(what)) {
    set_up_logging("info");
    return app::serve_units();
  }
  set_up_logging("warn");
  if (const auto* c = std::get_if<config::user_command>(&what)) return app::manage_users(*c);
  if (const auto* c = std::get_if<config::import_command>(&what)) return app::import_samui(*c);
  if (const auto* c = std::get_if<config::backup_command>(&what)) return app::backup(*c);
  if (const auto* c = std::get_if<config::restore_command>(&what)) return app::restore(*c);
  if (const auto* c = std::get_if<config::reconcile_command>(&what)) return app::reconcile(*c);
  return app::migrate(std::get<config::migrate_command>(what).options);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<std::string> variables;
  for (char** v = environ; *v != nullptr; ++v)
    variables.push_back(std::string(*v).substr(0, std::string(*v).find('=')));
  if (const auto known = config::refuse_unknown_variables(variables); !known.ok())
    return app::complain(known.failure().detail, config::exit_usage);
  const auto what =
      config::parse_command_line({argv + 1, argv + argc}, environment_variable, SAMOVAR_VERSION);
  if (!what.ok()) return app::complain(what.failure().detail, config::exit_usage);
  try {
    return carry_out(*what);
  } catch (const std::exception& e) {
    return app::complain(e.what());
  }
}
