// Jobs in the order in which their turn comes, each with the units it still has to do. How many
// jobs and units come before one, and which is the first with something to do, is known in O(log
// n): a red-black tree whose nodes carry the sums of their subtrees (libstdc++'s policy-based
// tree).
#pragma once

#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <functional>
#include <memory>

namespace samovar::core {

/// Of a part of the line.
struct line_sums {
  std::int32_t jobs = 0;
  std::int32_t to_do = 0;  ///< jobs with units
  std::int64_t units = 0;

  line_sums& operator+=(const line_sums& o) {
    jobs += o.jobs;
    to_do += o.to_do;
    units += o.units;
    return *this;
  }
};

/// The node update of the tree: sums over a node's subtree, and what is found by them.
template <class NodeConstIterator, class NodeIterator, class Less, class Allocator>
class line_sums_update {
 public:
  using metadata_type = line_sums;

  template <class Key>
  line_sums before(const Key& k) const {
    line_sums sums;
    for (auto at = node_begin(); at != node_end();) {
      const auto left = at.get_l_child();
      if (!Less{}((*at)->first, k)) {
        at = left;
        continue;
      }
      sums += of_one((*at)->second);
      sums += of(left);
      at = at.get_r_child();
    }
    return sums;
  }
  line_sums total() const { return of(node_begin()); }
  /// nullptr when nothing is to do.
  template <class Key>
  const Key* first_to_do() const {
    for (auto at = node_begin(); at != node_end();) {
      const auto left = at.get_l_child();
      if (of(left).to_do > 0) {
        at = left;
        continue;
      }
      if ((*at)->second > 0) return &(*at)->first;
      at = at.get_r_child();
    }
    return nullptr;
  }
  /// Of the first `n` with something to do.
  std::int64_t units_of_first(std::int64_t n) const {
    std::int64_t units = 0;
    for (auto at = node_begin(); n > 0 && at != node_end();) {
      const auto left = at.get_l_child();
      const auto before = of(left);
      if (before.to_do >= n) {
        at = left;
        continue;
      }
      const auto here = of_one((*at)->second);
      units += before.units + here.units;
      n -= before.to_do + here.to_do;
      at = at.get_r_child();
    }
    return units;
  }

 protected:
  // Called by the tree for each node whose subtree changed, children first.
  void operator()(NodeIterator at, NodeConstIterator end) const {
    auto sums = of_one((*at)->second);
    for (const NodeConstIterator child :
         {NodeConstIterator(at.get_l_child()), NodeConstIterator(at.get_r_child())})
      if (child != end) sums += child.get_metadata();
    const_cast<line_sums&>(at.get_metadata()) = sums;  // the interface gives a const reference
  }

 private:
  static line_sums of_one(std::int64_t units) { return {1, units > 0 ? 1 : 0, units}; }
  line_sums of(NodeConstIterator at) const {
    return at == node_end() ? line_sums{} : line_sums(at.get_metadata());
  }
  virtual NodeConstIterator node_begin() const = 0;
  virtual NodeConstIterator node_end() const = 0;

 public:
  virtual ~line_sums_update() = default;
};

/// Keys in order, each with its units.
template <class Key>
class waiting_line {
 public:
  using tree = __gnu_pbds::tree<Key, std::int64_t, std::less<Key>, __gnu_pbds::rb_tree_tag,
                                line_sums_update>;

  /// `k` must not be there. O(log n)
  void insert(const Key& k, std::int64_t units) {
    if (!tree_) tree_ = std::make_unique<tree>();
    tree_->insert({k, units});
  }
  /// Nothing happens when `k` is not there. O(log n)
  void erase(const Key& k) {
    if (!tree_) return;
    tree_->erase(k);
    if (tree_->empty()) tree_.reset();
  }
  std::size_t size() const { return tree_ ? tree_->size() : 0; }
  /// Sums of what is smaller than `k`, which need not be there. O(log n)
  line_sums before(const Key& k) const { return tree_ ? tree_->before(k) : line_sums{}; }
  line_sums total() const { return tree_ ? tree_->total() : line_sums{}; }
  /// The first with something to do; nullptr when there is none. O(log n)
  const Key* first_to_do() const { return tree_ ? tree_->template first_to_do<Key>() : nullptr; }
  /// Units of the first `n` that have any. O(log n)
  std::int64_t units_of_first(std::int64_t n) const { return tree_ ? tree_->units_of_first(n) : 0; }
  /// Pairs of key and units.
  auto begin() const { return items().begin(); }
  auto end() const { return items().end(); }

 private:
  const tree& items() const {
    static const tree none;
    return tree_ ? *tree_ : none;
  }
  /// Made with the first key: of a hundred thousand users, most have nothing waiting.
  std::unique_ptr<tree> tree_;
};

}  // namespace samovar::core
