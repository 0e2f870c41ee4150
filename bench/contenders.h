// Who is measured: Kin, and what one would use instead. All hold the same records.
//
// A contender is a class with
//   Who(const Dataset&, Pages)      fills it, in the order of Dataset::records;
//   Who::Handle                     what a lookup gives; copies are cheap (but for SQLite's rows);
//   Who::Request request(who)       what a reader takes once for each kRequest lookups;
//   request.Find(id), .Next(handle), .Previous(handle), and NextId(handle), Value(handle).
#ifndef KIN_BENCH_CONTENDERS_H_
#define KIN_BENCH_CONTENDERS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "bench/models/node.kin.h"
#include "kin/bench/dataset.h"
#include "kin/store/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace kin::bench {

// Whether Kin's memory asks for huge pages.
enum class Pages { kHuge, kSmall };

// A store of its own, in memory only.
class KinStore {
 public:
  static constexpr char kName[] = "kin";
  using Handle = NodeRef;

  KinStore(const Dataset& data, Pages pages);

  class Request {
   public:
    explicit Request(const KinStore& who) : snapshot_(who.store_->GetSnapshot()) {}
    ABSL_ATTRIBUTE_ALWAYS_INLINE NodeRef Find(std::int64_t id) const {
      return snapshot_.Find<Node>(id);
    }
    ABSL_ATTRIBUTE_ALWAYS_INLINE NodeRef Next(NodeRef node) const { return node.next(); }
    ABSL_ATTRIBUTE_ALWAYS_INLINE NodeRef Previous(NodeRef node) const { return node.previous(); }
    void ResolveNext(absl::Span<const NodeRef> nodes, absl::Span<NodeRef> out) const {
      snapshot_.Resolve(nodes, NodeModel::next, out);
    }
    void ResolvePrevious(absl::Span<const NodeRef> nodes, absl::Span<NodeRef> out) const {
      snapshot_.Resolve(nodes, NodeModel::previous, out);
    }

   private:
    Snapshot snapshot_;
  };

  // Returns when nothing waits to be freed any more.
  void WaitForReclamation() const;
  // A transaction that updates one record.
  void Change(std::int64_t id);

 private:
  std::unique_ptr<Store> store_;
};

inline std::int64_t NextId(const NodeRef& node) { return node->next_id(); }
inline std::uint64_t Value(const NodeRef& node) {
  return static_cast<std::uint64_t>(node->value());
}

// Messages on the heap, each allocated by itself.
class HeapNodes {
 public:
  explicit HeapNodes(const Dataset& data);
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
};

inline std::int64_t NextId(const Node* node) { return node->next_id(); }
inline std::uint64_t Value(const Node* node) { return static_cast<std::uint64_t>(node->value()); }

// The yardstick: two maps of pointers that nobody may change meanwhile.
class Flat {
 public:
  static constexpr char kName[] = "flat";
  using Handle = const Node*;
  using Map = absl::flat_hash_map<std::int64_t, const Node*>;

  Flat(const Dataset& data, Pages pages);

  // Assigns a field in place; nobody may read meanwhile.
  void Change(std::int64_t id);

  class Request {
   public:
    explicit Request(const Flat& who) : who_(who) {}
    ABSL_ATTRIBUTE_ALWAYS_INLINE const Node* Find(std::int64_t id) const {
      return In(who_.by_id_, id);
    }
    ABSL_ATTRIBUTE_ALWAYS_INLINE const Node* Next(const Node* node) const {
      return In(who_.by_id_, node->next_id());
    }
    ABSL_ATTRIBUTE_ALWAYS_INLINE const Node* Previous(const Node* node) const {
      return In(who_.by_next_id_, node->id());
    }
    // What one would write: a loop.
    void ResolveNext(absl::Span<const Node* const> nodes, absl::Span<const Node*> out) const {
      for (std::size_t i = 0; i < nodes.size(); ++i) out[i] = Next(nodes[i]);
    }
    void ResolvePrevious(absl::Span<const Node* const> nodes, absl::Span<const Node*> out) const {
      for (std::size_t i = 0; i < nodes.size(); ++i) out[i] = Previous(nodes[i]);
    }

   private:
    ABSL_ATTRIBUTE_ALWAYS_INLINE static const Node* In(const Map& map, std::int64_t key) {
      auto it = map.find(key);
      return it == map.end() ? nullptr : it->second;
    }
    const Flat& who_;
  };

 private:
  friend class Request;

  HeapNodes heap_;
  Map by_id_;
  Map by_next_id_;
};

// An SQLite database in memory, and a prepared statement a kind of lookup.
class Sqlite {
 public:
  static constexpr char kName[] = "sqlite";
  using Handle = Record;

  Sqlite(const Dataset& data, Pages pages);
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  class Request {
   public:
    explicit Request(const Sqlite& who) : who_(who) {}
    ABSL_ATTRIBUTE_ALWAYS_INLINE Record Find(std::int64_t id) const { return Run(who_.find_, id); }
    ABSL_ATTRIBUTE_ALWAYS_INLINE Record Next(const Record& node) const {
      return Run(who_.find_, node.next_id);
    }
    ABSL_ATTRIBUTE_ALWAYS_INLINE Record Previous(const Record& node) const {
      return Run(who_.find_previous_, node.id);
    }

   private:
    static Record Run(sqlite3_stmt* statement, std::int64_t key);
    const Sqlite& who_;
  };

 private:
  friend class Request;

  void Execute(const char* sql);
  sqlite3_stmt* Prepare(const char* sql);

  sqlite3* database_ = nullptr;
  sqlite3_stmt* find_ = nullptr;
  sqlite3_stmt* find_previous_ = nullptr;
};

inline std::int64_t NextId(const Record& record) { return record.next_id; }
inline std::uint64_t Value(const Record& record) {
  return static_cast<std::uint64_t>(record.value);
}

}  // namespace kin::bench

#endif  // KIN_BENCH_CONTENDERS_H_
