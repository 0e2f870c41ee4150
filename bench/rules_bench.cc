// Associations and rules where they are written: inserts with a foreign key and a unique index,
// iteration of a has_many, cascades, and what rules, hooks and watching add to an insert.
//
//   ./bazelw run --config=bench //bench:rules_bench
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "bench/models/family.kin.h"
#include "benchmark/benchmark.h"
#include "kin/store/store.h"

namespace kin::bench {
namespace {

using ::family::Child;
using ::family::ChildRef;
using ::family::Parent;
using ::family::ParentModel;
using ::family::ParentRef;
using ::family::Ruled;

constexpr std::int64_t kParents = 1000;
constexpr std::int64_t kInserts = 100'000;
constexpr std::int64_t kTransaction = 100;  // Records that a transaction inserts.

// What a record of number `i` has, scattered so that no index is filled in order.
std::int64_t Scatter(std::int64_t i) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u >> 1);
}

template <typename M>
M MakeRecord(std::int64_t i) {
  M record;
  record.set_id(Scatter(i) | 1);
  record.set_parent_id(i % kParents + 1);
  record.set_code(Scatter(i + 7));
  record.set_value(i);
  return record;
}

void Check(const absl::Status& status, benchmark::State& state) {
  if (!status.ok()) state.SkipWithError(status.ToString().c_str());
}

void InsertParents(Store& store, std::int64_t parents, benchmark::State& state) {
  Check(store
            .Write([&](Transaction& txn) -> absl::Status {
              for (std::int64_t i = 1; i <= parents; ++i) {
                Parent parent;
                parent.set_id(i);
                if (auto s = txn.Insert(std::move(parent)).status(); !s.ok()) return s;
              }
              return absl::OkStatus();
            })
            .status(),
        state);
}

// Written by hand: a heap message, in three maps, with the same checks.
class Maps {
 public:
  Maps() {
    for (std::int64_t i = 1; i <= kParents; ++i) {
      auto parent = std::make_unique<Parent>();
      parent->set_id(i);
      parents_.emplace(i, std::move(parent));
    }
  }
  bool Insert(Child record) {
    auto child = std::make_unique<Child>(std::move(record));
    if (!parents_.contains(child->parent_id())) return false;
    const auto [place, is_new] = by_id_.try_emplace(child->id());
    if (!is_new) return false;
    if (!by_code_.try_emplace(child->code(), child.get()).second) {
      by_id_.erase(place);
      return false;
    }
    by_parent_[child->parent_id()].push_back(child.get());
    place->second = std::move(child);
    return true;
  }
  std::size_t size() const { return by_id_.size(); }

 private:
  absl::flat_hash_map<std::int64_t, std::unique_ptr<Parent>> parents_;
  absl::flat_hash_map<std::int64_t, std::unique_ptr<Child>> by_id_;
  absl::flat_hash_map<std::int64_t, Child*> by_code_;
  absl::flat_hash_map<std::int64_t, std::vector<Child*>> by_parent_;
};

void InsertMaps(benchmark::State& state) {
  for (auto unused : state) {
    state.PauseTiming();
    auto maps = std::make_unique<Maps>();
    state.ResumeTiming();
    for (std::int64_t i = 0; i < kInserts; ++i) {
      if (!maps->Insert(MakeRecord<Child>(i))) state.SkipWithError("not inserted");
    }
    state.PauseTiming();
    if (maps->size() != kInserts) state.SkipWithError("not all are there");
    maps.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kInserts);
}
BENCHMARK(InsertMaps)->Name("BM_InsertWithIndexes/maps")->Unit(benchmark::kMillisecond);

template <typename M>
void InsertKin(benchmark::State& state, const Schema& schema, bool watched = false) {
  for (auto unused : state) {
    state.PauseTiming();
    auto store = *Store::Open(schema);
    InsertParents(*store, kParents, state);
    std::unique_ptr<Watch> watch;
    if (watched) watch = *store->Watch();
    state.ResumeTiming();
    for (std::int64_t begin = 0; begin < kInserts; begin += kTransaction) {
      Check(store
                ->Write([&](Transaction& txn) -> absl::Status {
                  for (std::int64_t i = begin; i < begin + kTransaction; ++i) {
                    if (auto s = txn.Insert(MakeRecord<M>(i)).status(); !s.ok()) return s;
                  }
                  return absl::OkStatus();
                })
                .status(),
            state);
    }
    state.PauseTiming();
    if (store->GetSnapshot().Count<M>() != kInserts) state.SkipWithError("not all are there");
    watch.reset();
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kInserts);
}

void InsertKinPlain(benchmark::State& state) {
  InsertKin<Child>(state, Schema::Of<Parent, Child>());
}
BENCHMARK(InsertKinPlain)->Name("BM_InsertWithIndexes/kin")->Unit(benchmark::kMillisecond);

void InsertRuled(benchmark::State& state) {
  InsertKin<Ruled>(state, Schema::Of<Parent, Child, Ruled>());
}
BENCHMARK(InsertRuled)->Name("BM_InsertWithIndexes/kin_rules")->Unit(benchmark::kMillisecond);

void InsertHooked(benchmark::State& state) {
  Schema schema = Schema::Of<Parent, Child>();
  schema.Before<Child>(Change::kInsert, [](ChangeOf<Child>& change) {
    change.mutable_record()->set_value(change.after()->value() + 1);
    return absl::OkStatus();
  });
  schema.Validate<Child>([](const Child& child) {
    return child.value() > 0 ? absl::OkStatus() : absl::InvalidArgumentError("no value");
  });
  InsertKin<Child>(state, schema);
}
BENCHMARK(InsertHooked)->Name("BM_InsertWithIndexes/kin_hooks")->Unit(benchmark::kMillisecond);

void InsertWatched(benchmark::State& state) {
  InsertKin<Child>(state, Schema::Of<Parent, Child>(), /*watched=*/true);
}
BENCHMARK(InsertWatched)->Name("BM_InsertWithIndexes/kin_watched")->Unit(benchmark::kMillisecond);

// A store of `parents` with `children` each, inserted turn by turn.
std::unique_ptr<Store> MakeFamilies(std::int64_t parents, std::int64_t children,
                                    benchmark::State& state) {
  auto store = *Store::Open(Schema::Of<Parent, Child>());
  InsertParents(*store, parents, state);
  for (std::int64_t round = 0; round < children; round += 100) {
    Check(store
              ->Write([&](Transaction& txn) -> absl::Status {
                for (std::int64_t i = round * parents;
                     i < std::min(round + 100, children) * parents; ++i) {
                  Child child = MakeRecord<Child>(i);
                  child.set_parent_id(i % parents + 1);
                  if (auto s = txn.Insert(std::move(child)).status(); !s.ok()) return s;
                }
                return absl::OkStatus();
              })
              .status(),
          state);
  }
  return store;
}

// The children of all parents, one parent after another; argument: children a parent.
void IterateKin(benchmark::State& state) {
  const std::int64_t children = state.range(0);
  const std::int64_t parents = 200'000 / children;
  auto store = MakeFamilies(parents, children, state);
  const Snapshot snapshot = store->GetSnapshot();
  std::vector<ParentRef> refs;
  for (std::int64_t i = 1; i <= parents; ++i) refs.push_back(snapshot.Find<Parent>(i));
  for (auto unused : state) {
    std::int64_t sum = 0;
    for (const ParentRef& parent : refs) {
      for (const ChildRef child : parent.children()) sum += child->value();
    }
    if (sum != 200'000LL * 199'999 / 2) state.SkipWithError("another sum");
  }
  state.SetItemsProcessed(state.iterations() * 200'000);
}

void IterateVectors(benchmark::State& state) {
  const std::int64_t children = state.range(0);
  const std::int64_t parents = 200'000 / children;
  auto store = MakeFamilies(parents, children, state);
  const Snapshot snapshot = store->GetSnapshot();
  std::vector<std::vector<const Child*>> all;
  for (std::int64_t i = 1; i <= parents; ++i) {
    std::vector<const Child*>& of_parent = all.emplace_back();
    for (const ChildRef child : snapshot.Find<Parent>(i).children()) {
      of_parent.push_back(child.get());
    }
  }
  for (auto unused : state) {
    std::int64_t sum = 0;
    for (const std::vector<const Child*>& of_parent : all) {
      for (const Child* child : of_parent) sum += child->value();
    }
    if (sum != 200'000LL * 199'999 / 2) state.SkipWithError("another sum");
  }
  state.SetItemsProcessed(state.iterations() * 200'000);
}
// As a program would find them: a vector for each parent, in a map.
void IterateMapOfVectors(benchmark::State& state) {
  const std::int64_t children = state.range(0);
  const std::int64_t parents = 200'000 / children;
  auto store = MakeFamilies(parents, children, state);
  const Snapshot snapshot = store->GetSnapshot();
  absl::flat_hash_map<std::int64_t, std::vector<const Child*>> all;
  std::vector<ParentRef> refs;
  for (std::int64_t i = 1; i <= parents; ++i) {
    refs.push_back(snapshot.Find<Parent>(i));
    for (const ChildRef child : refs.back().children()) all[i].push_back(child.get());
  }
  for (auto unused : state) {
    std::int64_t sum = 0;
    for (const ParentRef& parent : refs) {
      for (const Child* child : all.find(parent->id())->second) sum += child->value();
    }
    if (sum != 200'000LL * 199'999 / 2) state.SkipWithError("another sum");
  }
  state.SetItemsProcessed(state.iterations() * 200'000);
}
BENCHMARK(IterateMapOfVectors)
    ->Name("BM_HasMany/map_of_vectors")
    ->Arg(10)
    ->Arg(1000)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(IterateKin)
    ->Name("BM_HasMany/kin")
    ->Arg(10)
    ->Arg(1000)
    ->Arg(200'000)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(IterateVectors)
    ->Name("BM_HasMany/vector")
    ->Arg(10)
    ->Arg(1000)
    ->Arg(200'000)
    ->Unit(benchmark::kMicrosecond);

// One parent and all its children, in one transaction.
template <typename Delete>
void Cascade(benchmark::State& state, const Delete& remove) {
  const std::int64_t children = state.range(0);
  for (auto unused : state) {
    state.PauseTiming();
    auto store = MakeFamilies(1, children, state);
    state.ResumeTiming();
    Check(store->Write(remove).status(), state);
    state.PauseTiming();
    if (store->GetSnapshot().Count<Child>() != 0) state.SkipWithError("not all are gone");
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * children);
}

void CascadeKin(benchmark::State& state) {
  Cascade(state, [](Transaction& txn) { return txn.Delete(txn.Find<Parent>(1)); });
}
void OneByOne(benchmark::State& state) {
  Cascade(state, [](Transaction& txn) -> absl::Status {
    const ParentRef parent = txn.Find<Parent>(1);
    for (const ChildRef child : parent.children()) {
      if (auto s = txn.Delete(child); !s.ok()) return s;
    }
    return txn.Delete(parent);
  });
}
BENCHMARK(CascadeKin)
    ->Name("BM_Cascade/kin")
    ->Arg(1'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(OneByOne)
    ->Name("BM_Cascade/one_by_one")
    ->Arg(1'000'000)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kin::bench

BENCHMARK_MAIN();
