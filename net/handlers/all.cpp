#include "net/handlers/all.hpp"

#include <iterator>

namespace samovar::net {

std::vector<route> api_routes(services& s, access_control& access) {
  std::vector<route> all;
  for (const auto resource :
       {sign_in_routes, account_routes, api_key_routes, image_routes, image_file_routes,
        interactive_routes, history_routes, annotation_routes, job_routes, job_action_routes,
        result_routes, export_routes, archive_routes, admin_routes, system_routes}) {
    auto routes = resource(s, access);
    all.insert(all.end(), std::make_move_iterator(routes.begin()),
               std::make_move_iterator(routes.end()));
  }
  return all;
}

}  // namespace samovar::net
