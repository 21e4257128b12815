// What the program can be asked to do, one file per command. With main.cpp, this folder alone sees
// every room: it plugs storage and model into the ports of core/.
#pragma once

#include "config/command_line.hpp"

namespace samovar::app {

/// Each returns the exit code and prints its own errors; an exception's sentence is for stderr.
int serve(const config::settings& s);
int migrate(const config::settings& s);
int manage_users(const config::user_command& c);
int reconcile(const config::reconcile_command& c);
int segment(const config::segment_command& c);
int check_model(const config::check_model_command& c);
int import_samui(const config::import_command& c);
int backup(const config::backup_command& c);
int restore(const config::restore_command& c);

}  // namespace samovar::app
