// Finds the route of a path. Pure; built once, then only read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/exchange.hpp"

namespace samovar::net {

class router {
 public:
  router();
  ~router();
  router(const router&) = delete;
  router& operator=(const router&) = delete;

  /// Throws std::invalid_argument for two routes with the same method and pattern.
  void add(route r);
  const std::vector<route>& routes() const noexcept { return routes_; }

  struct match {
    int index = -1;           ///< into routes(), -1 when there is none
    bool path_known = false;  ///< some method is served at this path
    std::string allow;        ///< the methods, for 405; empty when index >= 0
  };
  /// `path` starts with '/', percent-decoded. Literal segments win over placeholders. HEAD finds
  /// GET. The placeholders' values are appended to `values`.
  match find(std::string_view method, std::string_view path,
             std::vector<std::string>& values) const;

 private:
  struct node;
  const node* walk(const node& n, std::string_view rest, std::vector<std::string>& values) const;

  std::unique_ptr<node> root_;
  std::vector<route> routes_;
};

}  // namespace samovar::net
