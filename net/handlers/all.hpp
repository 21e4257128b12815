// Every route of the API, one function per resource. The engine adds health, metrics, the websocket
// and the static files.
#pragma once

#include <string_view>
#include <vector>

#include "net/access_control.hpp"
#include "net/exchange.hpp"
#include "net/services.hpp"

namespace samovar::net {

/// Both references must outlive the routes. The order does not matter: a literal segment wins over
/// a placeholder.
std::vector<route> api_routes(services& s, access_control& access);

std::vector<route> sign_in_routes(services& s, access_control& access);
std::vector<route> account_routes(services& s, access_control& access);
std::vector<route> api_key_routes(services& s, access_control& access);
std::vector<route> image_routes(services& s, access_control& access);
std::vector<route> image_file_routes(services& s, access_control& access);
std::vector<route> interactive_routes(services& s, access_control& access);
std::vector<route> history_routes(services& s, access_control& access);
std::vector<route> annotation_routes(services& s, access_control& access);
std::vector<route> job_routes(services& s, access_control& access);
std::vector<route> job_action_routes(services& s, access_control& access);
std::vector<route> result_routes(services& s, access_control& access);
std::vector<route> export_routes(services& s, access_control& access);
std::vector<route> archive_routes(services& s, access_control& access);
std::vector<route> admin_routes(services& s, access_control& access);
std::vector<route> system_routes(services& s, access_control& access);

/// Compiled into the program (openapi.cmake).
std::string_view openapi_document();
std::string_view docs_page();
std::string_view docs_script();
std::string_view docs_style();

}  // namespace samovar::net
