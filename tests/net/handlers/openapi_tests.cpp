// The document and the routes agree, and every reference in the document leads somewhere.
#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

json document() { return json::parse(net::openapi_document()); }

/// Served by the engine, not by a handler of this folder.
const std::set<std::string> engine_paths{"GET /health", "GET /api/v1/health", "GET /healthz",
                                         "GET /readyz", "GET /metrics",       "GET /api/v1/ws"};

void collect_references(const json& node, std::set<std::string>& out) {
  if (node.is_object() && node.contains("$ref")) out.insert(node["$ref"].get<std::string>());
  if (node.is_structured())
    for (const auto& child : node) collect_references(child, out);
}

std::string upper(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Calls `f` with "METHOD /path" and the operation.
template <class F>
void each_operation(const json& doc, F f) {
  for (const auto& [path, item] : doc["paths"].items())
    for (const auto& [method, operation] : item.items()) f(upper(method) + " " + path, operation);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(openapi)

BOOST_AUTO_TEST_CASE(every_route_is_documented_and_every_path_served) {
  world w;
  std::set<std::string> served = engine_paths, documented;
  for (const auto& r : w.routes) {
    const auto name = r.method + " " + r.pattern;
    BOOST_TEST(served.insert(name).second, name + " is registered twice");
  }
  each_operation(document(),
                 [&](const std::string& name, const json&) { documented.insert(name); });
  BOOST_TEST(served == documented, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(references_lead_somewhere) {
  const auto doc = document();
  std::set<std::string> references;
  collect_references(doc, references);
  BOOST_TEST(references.size() > 30u);
  for (const auto& r : references) BOOST_TEST(doc.contains(json::json_pointer(r.substr(1))), r);
  for (const auto& [name, schema] : doc["components"]["schemas"].items())
    BOOST_TEST(references.count("#/components/schemas/" + name) == 1u, name);
}

BOOST_AUTO_TEST_CASE(operations_are_complete) {
  world w;
  const auto doc = document();
  std::set<std::string> ids;
  each_operation(doc, [&](const std::string& name, const json& o) {
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(ids.insert(o.at("operationId").get<std::string>()).second);
      BOOST_TEST(!o.at("responses").empty());
      BOOST_TEST(o.contains("summary"));
    }
  });
  for (const auto& r : w.routes) {
    auto method = r.method;
    for (auto& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto& o = doc["paths"][r.pattern][method];
    BOOST_TEST_CONTEXT(r.method + " " + r.pattern) {
      BOOST_TEST(o.contains("requestBody") == (r.body != net::body_kind::none));
      const bool must_have_body = r.body != net::body_kind::none && !r.body_optional;
      BOOST_TEST(o["responses"].contains("411") == must_have_body);
      if (must_have_body) BOOST_TEST(o["requestBody"]["required"] == true);
      if (r.changes_state()) BOOST_TEST(o["responses"].contains("403"));
      BOOST_TEST((r.who == net::access::open) == (o.contains("security") && o["security"].empty()));
      BOOST_TEST(o["responses"].contains("401") ==
                 (r.who != net::access::open || r.pattern == "/api/v1/auth/login"));
      const bool has_id = r.pattern.find('{') != std::string::npos;
      if (has_id) BOOST_TEST(o["responses"].contains("422"));
    }
  }
}

BOOST_AUTO_TEST_CASE(required_members_exist) {
  const auto doc = document();
  for (const auto& [name, schema] : doc["components"]["schemas"].items())
    if (schema.contains("required"))
      for (const auto& member : schema["required"])
        BOOST_TEST(schema["properties"].contains(member.get<std::string>()), name);
}

BOOST_AUTO_TEST_SUITE_END()
