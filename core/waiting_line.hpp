// The jobs that wait, in the order in which they will start, each with the units it still has to
// do. How many jobs and how many units come before one is known in O(log n): a red-black tree whose
// nodes carry the sums of their subtrees (libstdc++'s policy-based tree).
#pragma once

#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <functional>
#include <memory>

namespace samovar::core {

/// What comes before a place in the line.
struct line_sums {
  std::int32_t jobs = 0;
  std::int64_t units = 0;
};

/// The node update of the tree: sums over a node's subtree, and the sums before a key.
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
      ++sums.jobs;
      sums.units += (*at)->second;
      if (left != node_end()) {
        sums.jobs += left.get_metadata().jobs;
        sums.units += left.get_metadata().units;
      }
      at = at.get_r_child();
    }
    return sums;
  }

 protected:
  // Called by the tree for each node whose subtree changed, children first.
  void operator()(NodeIterator at, NodeConstIterator end) const {
    line_sums sums{1, (*at)->second};
    for (const NodeConstIterator child :
         {NodeConstIterator(at.get_l_child()), NodeConstIterator(at.get_r_child())}) {
      if (child == end) continue;
      sums.jobs += child.get_metadata().jobs;
      sums.units += child.get_metadata().units;
    }
    const_cast<line_sums&>(at.get_metadata()) = sums;  // the interface gives a const reference
  }

 private:
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
