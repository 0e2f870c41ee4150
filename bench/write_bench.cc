// BM_Insert and BM_Update: an iteration of BM_Insert fills an empty store or map with n records,
// one of BM_Update changes one record.
#include "kin/bench/write_bench.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "bench/models/item.kin.h"
#include "benchmark/benchmark.h"
#include "kin/bench/dataset.h"
#include "kin/bench/groups.h"
#include "kin/store/store.h"

namespace kin::bench {
namespace {

// Records that a transaction inserts.
constexpr std::size_t kTransaction = 100;

class KinItems {
 public:
  static constexpr char kName[] = "kin";

  KinItems() : store_(*Store::Open(Schema::Of<Item>())) {}

  bool Insert(const std::vector<Record>& records) {
    bool right = true;
    for (std::size_t begin = 0; begin < records.size(); begin += kTransaction) {
      right &= store_
                   ->Write([&](Transaction& txn) -> absl::Status {
                     for (std::size_t i = begin; i < begin + kTransaction; ++i) {
                       Item item;
                       item.set_id(records[i].id);
                       item.set_value(records[i].value);
                       auto inserted = txn.Insert(std::move(item));
                       if (!inserted.ok()) return inserted.status();
                     }
                     return absl::OkStatus();
                   })
                   .ok();
    }
    return right;
  }

  bool Update(std::int64_t id) {
    return store_
        ->Write([id](Transaction& txn) {
          return txn
              .Update(txn.Find<Item>(id),
                      [](Item& item) { item.set_revision(item.revision() + 1); })
              .status();
        })
        .ok();
  }

  template <typename Visit>
  void ForEach(Visit&& visit) const {
    const Snapshot snapshot = store_->GetSnapshot();
    for (ItemRef item : snapshot.All<Item>()) visit(*item);
  }

 private:
  std::unique_ptr<Store> store_;
};

// `new` and a map, for which an update is a copy that takes the old one's place, as other readers
// would need it.
class FlatItems {
 public:
  static constexpr char kName[] = "flat";

  bool Insert(const std::vector<Record>& records) {
    bool right = true;
    for (const Record& record : records) {
      auto item = std::make_unique<Item>();
      item->set_id(record.id);
      item->set_value(record.value);
      const std::int64_t id = item->id();
      right &= map_.emplace(id, std::move(item)).second;
    }
    return right;
  }

  bool Update(std::int64_t id) {
    auto it = map_.find(id);
    if (it == map_.end()) return false;
    auto copy = std::make_unique<Item>(*it->second);
    copy->set_revision(copy->revision() + 1);
    it->second = std::move(copy);
    return true;
  }

  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (const auto& [id, item] : map_) visit(*item);
  }

 private:
  absl::flat_hash_map<std::int64_t, std::unique_ptr<const Item>> map_;
};

template <typename Who>
void Insert(benchmark::State& state, std::size_t n, Keys keys) {
  const Dataset& data = DatasetOf(n, keys);
  std::uint64_t expected = 0;
  for (const Record& record : data.records) expected += static_cast<std::uint64_t>(record.value);
  bool right = true;
  for (auto _ : state) {
    state.PauseTiming();
    auto who = std::make_unique<Who>();
    state.ResumeTiming();
    right &= who->Insert(data.records);
    state.PauseTiming();
    std::uint64_t sum = 0;
    who->ForEach([&sum](const Item& item) { sum += static_cast<std::uint64_t>(item.value()); });
    right &= sum == expected;
    who.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * n));
  if (!right) state.SkipWithError("not all was inserted");
}

template <typename Who>
void Update(benchmark::State& state, std::size_t n) {
  const Dataset& data = DatasetOf(n, Keys::kRandom);
  // Kept for the repetitions of this contender and size.
  static auto& kept = *new absl::flat_hash_map<std::size_t, std::pair<Who*, std::int64_t>>;
  auto [it, fresh] = kept.try_emplace(n);
  auto& [who, updates] = it->second;
  bool right = true;
  if (fresh) {
    who = new Who;
    right &= who->Insert(data.records);
  }
  std::size_t i = 0;
  for (auto _ : state) {
    right &= who->Update(data.order[i]);
    if (++i == n) i = 0;
  }
  updates += static_cast<std::int64_t>(state.iterations());
  std::int64_t revisions = 0;
  who->ForEach([&revisions](const Item& item) { revisions += item.revision(); });
  right &= revisions == updates;
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  if (!right) state.SkipWithError("not all was updated");
}

template <typename Who>
void Register() {
  for (const std::size_t n : {10'000, 1'000'000}) {
    for (const Keys keys : {Keys::kRandom, Keys::kSequential}) {
      const std::string suffix =
          absl::StrCat("/", n, keys == Keys::kSequential ? "/sequential" : "");
      InGroup(absl::StrCat("BM_Insert", suffix), [n, keys, suffix] {
        benchmark::RegisterBenchmark(absl::StrCat("BM_Insert/of_100/", Who::kName, suffix).c_str(),
                                     &Insert<Who>, n, keys);
      });
    }
    InGroup(absl::StrCat("BM_Update/", n), [n] {
      benchmark::RegisterBenchmark(absl::StrCat("BM_Update/single/", Who::kName, "/", n).c_str(),
                                   &Update<Who>, n);
    });
  }
}

}  // namespace

void RegisterWrites() {
  Register<KinItems>();
  Register<FlatItems>();
}

}  // namespace kin::bench
