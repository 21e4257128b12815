#include "model/sam3/pickle.hpp"

#include <cstring>
#include <unordered_map>
#include <utility>

#include "model/sam3/pickle_names.hpp"
#include "model/sam3/tensor_table.hpp"

namespace samovar::model::sam3 {
namespace {

/// What a hostile pickle can make this machine keep, all kinds together.
constexpr std::size_t objects_max = 400'000;

enum class kind : std::uint8_t {
  other,  ///< None, a float, bytes: may be in a dictionary, and nothing asks for its value
  boolean,
  integer,
  text,
  sequence,  ///< tuple or list
  dictionary,
  name,  ///< something that Python would import
  storage,
  tensor
};

struct value {
  kind what = kind::other;
  std::int64_t number = 0;  ///< of an integer or boolean; else an index into one of the lists below
};

struct storage {
  element type = element::f32;
  std::string_view key;
  std::int64_t values = 0;
};

class machine {
 public:
  explicit machine(std::string_view pickle) : left_(pickle), size_(pickle.size()) {}
  std::vector<pickled_tensor> run();

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw file_refused(what + " at byte " + std::to_string(size_ - left_.size()) +
                       " of its pickle");
  }

  // Reading
  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) fail("something is cut off");
    const auto out = left_.substr(0, static_cast<std::size_t>(count));
    left_.remove_prefix(out.size());
    return out;
  }
  std::uint64_t number(std::size_t width) {  // little-endian
    std::uint64_t out = 0;
    const auto from = take(width);
    std::memcpy(&out, from.data(), width);
    return out;
  }
  std::string_view line() {
    const auto end = left_.find('\n');
    if (end == std::string_view::npos) fail("a name is cut off");
    const auto out = take(end);
    take(1);
    return out;
  }
  std::int64_t long_number(std::size_t width);

  // The stack
  void push(value v) {
    count_object();
    stack_.push_back(v);
  }
  value pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) fail("the stack is empty");
    const value out = stack_.back();
    stack_.pop_back();
    return out;
  }
  value& top(kind what) {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor || stack_.back().what != what) fail("a value of the wrong kind");
    return stack_.back();
  }
  std::vector<value> pop_to_mark() {
    if (marks_.empty()) fail("there is no mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<value> out(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return out;
  }
  void count_object() {
    if (++objects_ > objects_max) fail("it makes too many objects");
  }

  // Objects
  template <class T>
  value keep(kind what, std::vector<T>& list, T object) {
    count_object();
    list.push_back(std::move(object));
    return {what, static_cast<std::int64_t>(list.size() - 1)};
  }
  template <class T>
  T& object(std::vector<T>& list, const value& v, kind what) {
    if (v.what != what) fail("a value of the wrong kind");
    return list[static_cast<std::size_t>(v.number)];
  }
  void push_text(std::string_view s) { push(keep(kind::text, texts_, s)); }
  void push_sequence(std::vector<value> items) {
    push(keep(kind::sequence, sequences_, std::move(items)));
  }
  void push_last(std::size_t n) {
    std::vector<value> items(n);
    while (n-- > 0) items[n] = pop();
    push_sequence(std::move(items));
  }
  std::int64_t integer(const value& v, const char* what) {
    if (v.what != kind::integer || v.number < 0) fail(std::string(what) + " is no size");
    return v.number;
  }
  std::vector<std::int64_t> sizes(const value& v, const char* what);

  // Opcodes
  bool step(unsigned char opcode);
  bool step_with_value(unsigned char opcode);
  void remember(std::uint64_t index);
  void recall(std::uint64_t index);
  void import_name(std::string_view module, std::string_view name) {
    push(keep(kind::name, imports_, find_import(module, name)));
  }
  void set_items(std::vector<value> items);
  void call();
  void build();
  void load_storage();
  value rebuild_tensor(const std::vector<value>& arguments);
  std::vector<pickled_tensor> result();

  std::string_view left_;
  std::size_t size_;
  std::size_t objects_ = 0;
  std::vector<value> stack_;
  std::vector<std::size_t> marks_;  ///< sizes of the stack
  std::unordered_map<std::uint64_t, value> memo_;
  std::vector<std::string_view> texts_;
  std::vector<std::vector<value>> sequences_;
  std::vector<std::vector<std::pair<value, value>>> dictionaries_;
  std::vector<imported> imports_;
  std::vector<storage> storages_;
  std::vector<pickled_tensor> tensors_;
};

/// Two's complement, little-endian, of 0 to 8 bytes.
std::int64_t machine::long_number(std::size_t width) {
  if (width > 8) fail("a number that is too long");
  if (width == 0) return 0;
  std::uint64_t out = number(width);
  const bool negative = out >> (8 * width - 1) & 1;
  if (negative && width < 8) out |= ~std::uint64_t{0} << (8 * width);
  return static_cast<std::int64_t>(out);
}

std::vector<std::int64_t> machine::sizes(const value& v, const char* what) {
  const auto& items = object(sequences_, v, kind::sequence);
  if (items.size() > axes_max) fail("a tensor with too many axes");
  std::vector<std::int64_t> out;
  for (const auto& i : items) out.push_back(integer(i, what));
  return out;
}

void machine::remember(std::uint64_t index) {
  const value v = pop();
  stack_.push_back(v);
  if (!memo_.contains(index)) count_object();
  memo_[index] = v;
}

void machine::recall(std::uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) fail("a value that was not remembered");
  push(found->second);
}

void machine::set_items(std::vector<value> items) {
  if (items.size() % 2 != 0) fail("a key without a value");
  auto& pairs = object(dictionaries_, top(kind::dictionary), kind::dictionary);
  for (std::size_t i = 0; i < items.size(); i += 2) {
    count_object();
    pairs.emplace_back(items[i], items[i + 1]);
  }
}

/// ('storage', class, key, device, number of values), which `torch.save` calls a persistent id.
void machine::load_storage() {
  const auto& id = object(sequences_, pop(), kind::sequence);
  if (id.size() != 5 || object(texts_, id[0], kind::text) != "storage")
    fail("a reference that is no storage");
  const auto type = object(imports_, id[1], kind::name).storage_type;
  if (!type) fail("a storage without a type");
  push(keep(kind::storage, storages_,
            storage{*type, object(texts_, id[2], kind::text), integer(id[4], "a storage")}));
}

/// (storage, offset, shape, strides, requires_grad, hooks[, metadata])
value machine::rebuild_tensor(const std::vector<value>& arguments) {
  if (arguments.size() < 6 || arguments.size() > 7) fail("a tensor with other arguments");
  const auto& from = object(storages_, arguments[0], kind::storage);
  pickled_tensor t;
  t.type = from.type;
  t.storage = from.key;
  t.storage_values = from.values;
  t.offset = integer(arguments[1], "an offset");
  t.shape = sizes(arguments[2], "a side");
  t.strides = sizes(arguments[3], "a stride");
  if (t.shape.size() != t.strides.size()) fail("a tensor with other strides than sides");
  return keep(kind::tensor, tensors_, std::move(t));
}

void machine::call() {
  const auto& arguments = object(sequences_, pop(), kind::sequence);
  const imported callee = object(imports_, pop(), kind::name);
  if (callee.storage_type) fail("a storage that is called");
  switch (callee.function) {
    case known_name::ordered_dict:
      if (!arguments.empty()) fail("a dictionary with arguments");
      return push(keep(kind::dictionary, dictionaries_, {}));
    case known_name::rebuild_tensor: return push(rebuild_tensor(arguments));
    case known_name::rebuild_parameter:
      if (arguments.empty() || arguments[0].what != kind::tensor) fail("a parameter of no tensor");
      return push(arguments[0]);
  }
}

/// Attributes of a dictionary (`_metadata`) mean nothing here; nothing else may have any.
void machine::build() {
  pop();
  top(kind::dictionary);
}

/// Opcodes that push a value made of the bytes behind them. False: it is none of these.
bool machine::step_with_value(unsigned char opcode) {
  switch (opcode) {
    case 'N': push({}); return true;                                                     // NONE
    case 0x88: push({kind::boolean, 1}); return true;                                    // NEWTRUE
    case 0x89: push({kind::boolean, 0}); return true;                                    // NEWFALSE
    case 'K': push({kind::integer, static_cast<std::int64_t>(number(1))}); return true;  // BININT1
    case 'M': push({kind::integer, static_cast<std::int64_t>(number(2))}); return true;  // BININT2
    case 'J': push({kind::integer, long_number(4)}); return true;                        // BININT
    case 0x8a:                                                                           // LONG1
      push({kind::integer, long_number(static_cast<std::size_t>(number(1)))});
      return true;
    case 'G': take(8), push({}); return true;                                // BINFLOAT
    case 'C': take(number(1)), push({}); return true;                        // SHORT_BINBYTES
    case 'B': take(number(4)), push({}); return true;                        // BINBYTES
    case 'X': push_text(take(number(4))); return true;                       // BINUNICODE
    case 0x8c: push_text(take(number(1))); return true;                      // SHORT_BINUNICODE
    case 0x8d: push_text(take(number(8))); return true;                      // BINUNICODE8
    case ']':                                                                // EMPTY_LIST
    case ')': push_sequence({}); return true;                                // EMPTY_TUPLE
    case '}': push(keep(kind::dictionary, dictionaries_, {})); return true;  // EMPTY_DICT
    case 'c': {                                                              // GLOBAL
      const auto module = line();
      import_name(module, line());
      return true;
    }
    default: return false;
  }
}

/// False: that was the end.
bool machine::step(unsigned char opcode) {
  switch (opcode) {
    case 0x80:  // PROTO
      if (number(1) > 5) fail("a newer protocol");
      return true;
    case 0x95: number(8); return true;  // FRAME
    case '(':                           // MARK
      count_object();
      marks_.push_back(stack_.size());
      return true;
    case '.': return false;                               // STOP
    case 't': push_sequence(pop_to_mark()); return true;  // TUPLE
    case 0x85: push_last(1); return true;                 // TUPLE1
    case 0x86: push_last(2); return true;                 // TUPLE2
    case 0x87: push_last(3); return true;                 // TUPLE3
    case 'a': {                                           // APPEND
      const value item = pop();
      count_object();
      object(sequences_, top(kind::sequence), kind::sequence).push_back(item);
      return true;
    }
    case 'e': {  // APPENDS
      const auto items = pop_to_mark();
      auto& list = object(sequences_, top(kind::sequence), kind::sequence);
      for (const auto& i : items) {
        count_object();
        list.push_back(i);
      }
      return true;
    }
    case 's': {  // SETITEM
      const value item = pop(), key = pop();
      set_items({key, item});
      return true;
    }
    case 'u': set_items(pop_to_mark()); return true;  // SETITEMS
    case 'q': remember(number(1)); return true;       // BINPUT
    case 'r': remember(number(4)); return true;       // LONG_BINPUT
    case 0x94: remember(memo_.size()); return true;   // MEMOIZE
    case 'h': recall(number(1)); return true;         // BINGET
    case 'j': recall(number(4)); return true;         // LONG_BINGET
    case 0x93: {                                      // STACK_GLOBAL
      const value name = pop(), module = pop();
      import_name(object(texts_, module, kind::text), object(texts_, name, kind::text));
      return true;
    }
    case 'R': call(); return true;          // REDUCE
    case 'b': build(); return true;         // BUILD
    case 'Q': load_storage(); return true;  // BINPERSID
    default: break;
  }
  if (!step_with_value(opcode))
    fail("opcode " + std::to_string(opcode) + ", which tensors do not need,");
  return true;
}

std::vector<pickled_tensor> machine::result() {
  const value whole = pop();
  if (!stack_.empty() || !marks_.empty()) fail("something is left on the stack");
  if (whole.what != kind::dictionary) fail("no dictionary of tensors");
  const auto* pairs = &object(dictionaries_, whole, kind::dictionary);
  for (const auto& [key, item] : *pairs)
    if (key.what == kind::text && object(texts_, key, kind::text) == "model" &&
        item.what == kind::dictionary) {
      pairs = &object(dictionaries_, item, kind::dictionary);
      break;
    }
  std::vector<pickled_tensor> out;
  for (const auto& [key, item] : *pairs) {
    if (item.what != kind::tensor) continue;
    out.push_back(object(tensors_, item, kind::tensor));
    out.back().name = object(texts_, key, kind::text);
  }
  if (out.empty()) fail("no tensors");
  return out;
}

std::vector<pickled_tensor> machine::run() {
  if (size_ > pickle_bytes_max) throw file_refused("its pickle is too long");
  while (step(static_cast<unsigned char>(take(1).front()))) {
  }
  return result();
}

}  // namespace

std::vector<pickled_tensor> read_pickled_tensors(std::string_view pickle) {
  return machine(pickle).run();
}

}  // namespace samovar::model::sam3
