// Connections to PostgreSQL and a bounded pool of them.
//
// Errors: a lost or refused connection, a server shutting down, a full pool, a deadlock or a wait
// for a lock that went on too long: core::store_unavailable. Everything else is pqxx::sql_error as
// libpqxx throws it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/ports.hpp"
#include "storage/sql_text.hpp"

namespace samovar::storage {

/// True when the error says "the server is going away or full" or is libpq's own, not "the
/// statement is wrong".
bool means_unavailable(const pqxx::sql_error& e);
/// True when nothing is wrong with the statement or the server: a lock or the statement took too
/// long, and given again later it will succeed.
bool is_passing(const pqxx::sql_error& e);

/// One connection; not thread-safe.
class connection {
 public:
  explicit connection(const std::string& conninfo);

  /// Runs one prepared statement with the acting user set, in one round trip and one transaction.
  template <class... Args>
  pqxx::result as_user(core::user_id user, const statement& s, const Args&... args) {
    prepare(s);
    return exec(set_user_text(user) + ";" + execute_text(s, args...));
  }
  /// The same without a user: definer functions only, since policies let nothing else through.
  template <class... Args>
  pqxx::result run(const statement& s, const Args&... args) {
    prepare(s);
    return exec(execute_text(s, args...));
  }
  /// One implicit transaction; the last statement's result. A deadlock's victim is given again,
  /// three times at most: the transaction was rolled back whole.
  pqxx::result exec(const std::string& sql);
  /// Prepares the statement on this connection when it is not yet.
  void prepare(const statement& s);
  pqxx::connection& raw() { return *raw_; }
  bool broken() const { return broken_; }
  /// For an idle connection: true when the server has closed it or says something unasked (its
  /// last words). One poll of the socket, no round trip.
  bool hung_up() const;

  /// Calls `f`, turning what means "away" into core::store_unavailable and marking this broken;
  /// what passes by itself becomes core::store_unavailable too and leaves this usable.
  template <class F>
  auto guarded(F&& f) {
    try {
      return f();
    } catch (const pqxx::transaction_rollback&) {  // no sql_error to libpqxx 6.4
      throw core::store_unavailable("the database resolved a deadlock");
    } catch (const pqxx::sql_error& e) {
      if (means_unavailable(e) || !raw_->is_open()) lost(e.what());
      if (is_passing(e)) throw core::store_unavailable("the database is too busy");
      throw;
    } catch (const pqxx::failure& e) {  // broken, in doubt, or libpq could not even ask
      lost(e.what());
    }
  }

 private:
  [[noreturn]] void lost(const std::string& why);

  std::unique_ptr<pqxx::connection> raw_;
  std::unordered_set<std::string_view> prepared_;
  bool broken_ = false;
};

class pool {
 public:
  /// At most `size` connections, made on demand; a wait for a free one ends after `wait_max`.
  pool(std::string conninfo, std::size_t size, std::chrono::milliseconds wait_max);

  class lease {
   public:
    lease(pool& owner, std::unique_ptr<connection> c) : owner_(&owner), c_(std::move(c)) {}
    lease(lease&&) = default;
    lease& operator=(lease&&) = delete;
    ~lease() {
      if (c_) owner_->give_back(std::move(c_));
    }
    connection* operator->() { return c_.get(); }
    connection& operator*() { return *c_; }

   private:
    pool* owner_;
    std::unique_ptr<connection> c_;
  };

  lease take();
  /// True when a trivial query is answered; never throws.
  bool answers() noexcept;
  const std::string& conninfo() const { return conninfo_; }

 private:
  void give_back(std::unique_ptr<connection> c);

  const std::string conninfo_;
  const std::size_t size_;
  const std::chrono::milliseconds wait_max_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<connection>> idle_;
  std::size_t out_ = 0;
};

}  // namespace samovar::storage
