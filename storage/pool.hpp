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
#include <utility>
#include <vector>

#include "core/ports.hpp"
#include "storage/hang_watch.hpp"
#include "storage/sql_text.hpp"

namespace samovar::storage {

/// True when the error says "the server is going away or full" or is libpq's own, not "the
/// statement is wrong".
bool means_unavailable(const pqxx::sql_error& e);
/// True when nothing is wrong with the statement or the server: a lock or the statement took too
/// long, and given again later it will succeed.
bool is_passing(const pqxx::sql_error& e);

/// How long PostgreSQL may take for a statement of a request; it ends the statement itself then.
inline constexpr std::chrono::seconds statement_max{15};
/// The same for work of which more must be expected: all that a user has, all of a large batch.
inline constexpr std::chrono::seconds long_statement_max{600};

/// One connection; not thread-safe.
class connection {
 public:
  /// With a watch no call waits for ever: where a statement is not answered within its time limit
  /// and what `watch` grants beyond it, or the database gives no sign of life, it is unavailable.
  explicit connection(const std::string& conninfo, std::shared_ptr<hang_watch> watch = nullptr,
                      std::chrono::seconds limit = statement_max);

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
  /// As run(), for a statement that may take long_statement_max.
  template <class... Args>
  pqxx::result run_long(const statement& s, const Args&... args) {
    prepare(s);
    limited_to l{*this, long_statement_max};
    return exec("set local statement_timeout=" + milliseconds_text(long_statement_max) + ";" +
                execute_text(s, args...));
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

  /// Within `f` of guarded(): an answer came, and the wait for the next one begins. When it throws
  /// (core::store_unavailable) this is broken.
  void wait_anew();
  /// The time limit of every later statement; 0: none.
  void limit_statements(std::chrono::seconds limit);

  /// Calls `f`, turning what means "away" into core::store_unavailable and marking this broken;
  /// what passes by itself becomes core::store_unavailable too and leaves this usable.
  /// Several statements in `f` have the time limit of one, as the watch sees it: wait_anew() and
  /// without_limit() are for those that may need more.
  template <class F>
  auto guarded(F&& f) {
    const waiting w{*this};
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
  /// guarded(f) that may take its time as long as the database gives signs of life.
  template <class F>
  auto without_limit(F&& f) {
    limited_to l{*this, std::chrono::seconds(0)};
    return guarded(std::forward<F>(f));
  }

 private:
  /// The watch knows that an answer is awaited; of calls within one another the outermost counts.
  class waiting {
   public:
    explicit waiting(connection& c);
    ~waiting();
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;

   private:
    connection& c_;
  };
  class limited_to {
   public:
    limited_to(connection& c, std::chrono::seconds limit)
        : c_(c), before_(std::exchange(c.limit_, limit)) {}
    ~limited_to() { c_.limit_ = before_; }
    limited_to(const limited_to&) = delete;
    limited_to& operator=(const limited_to&) = delete;

   private:
    connection& c_;
    std::chrono::seconds before_;
  };
  static std::string milliseconds_text(std::chrono::seconds s) {
    return std::to_string(std::chrono::milliseconds(s).count());
  }
  void begin_wait();
  [[noreturn]] void lost(const std::string& why);

  const std::shared_ptr<hang_watch> watch_;
  std::chrono::seconds limit_;
  int waits_ = 0;
  std::unique_ptr<pqxx::connection> raw_;
  hang_watch::seat seat_;
  std::unordered_set<std::string_view> prepared_;
  bool broken_ = false;
};

class pool {
 public:
  /// At most `size` connections, made on demand; a wait for a free one ends after `wait_max`.
  /// `watch` and `limit` as each connection has them.
  pool(std::string conninfo, std::size_t size, std::chrono::milliseconds wait_max,
       std::shared_ptr<hang_watch> watch = nullptr, std::chrono::seconds limit = statement_max);

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
  const std::shared_ptr<hang_watch> watch_;
  const std::chrono::seconds limit_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<connection>> idle_;
  std::size_t out_ = 0;
};

}  // namespace samovar::storage
