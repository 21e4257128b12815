// samovar migrate: brings the database up to this program's schema and ends.
#include <iostream>

#include "app/commands.hpp"
#include "app/parts.hpp"

namespace samovar::app {

int migrate(const config::settings& s) {
  storage::open_database_beside(database_options_of(s));
  std::cout << "the database is up to date\n";
  return config::exit_ok;
}

}  // namespace samovar::app
