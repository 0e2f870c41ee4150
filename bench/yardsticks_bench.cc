// association_bench with the containers of other libraries beside it.
//
//   ./bazelw run --config=yardsticks //bench:yardsticks_bench
#include <tbb/concurrent_hash_map.h>

#include <boost/multi_index/hashed_index.hpp>
#include <boost/multi_index/mem_fun.hpp>
#include <boost/multi_index_container.hpp>
#include <cstdint>

#include "kin/bench/main.h"

namespace kin::bench {
namespace {

// A map of its own for each direction, as Flat; each lookup locks the element.
class Tbb {
 public:
  static constexpr char kName[] = "tbb";
  using Handle = const Node*;
  using Map = tbb::concurrent_hash_map<std::int64_t, const Node*>;

  Tbb(const Dataset& data, Pages /*pages*/) : heap_(data) {
    for (const auto& node : heap_.nodes()) {
      by_id_.emplace(node->id(), node.get());
      by_next_id_.emplace(node->next_id(), node.get());
    }
  }

  class Request {
   public:
    explicit Request(const Tbb& who) : who_(who) {}
    const Node* Find(std::int64_t id) const { return In(who_.by_id_, id); }
    const Node* Next(const Node* node) const { return In(who_.by_id_, node->next_id()); }
    const Node* Previous(const Node* node) const { return In(who_.by_next_id_, node->id()); }

   private:
    static const Node* In(const Map& map, std::int64_t key) {
      Map::const_accessor found;
      return map.find(found, key) ? found->second : nullptr;
    }
    const Tbb& who_;
  };

 private:
  friend class Request;

  HeapNodes heap_;
  Map by_id_;
  Map by_next_id_;
};

// One container with an index for each direction.
class BoostMultiIndex {
 public:
  static constexpr char kName[] = "boost_multi_index";
  using Handle = const Node*;
  using Id = boost::multi_index::const_mem_fun<Node, std::int64_t, &Node::id>;
  using NextId = boost::multi_index::const_mem_fun<Node, std::int64_t, &Node::next_id>;
  using Container = boost::multi_index_container<
      const Node*, boost::multi_index::indexed_by<boost::multi_index::hashed_unique<Id>,
                                                  boost::multi_index::hashed_unique<NextId>>>;

  BoostMultiIndex(const Dataset& data, Pages /*pages*/) : heap_(data) {
    for (const auto& node : heap_.nodes()) nodes_.insert(node.get());
  }

  class Request {
   public:
    explicit Request(const BoostMultiIndex& who) : nodes_(who.nodes_) {}
    const Node* Find(std::int64_t id) const { return In(nodes_.get<0>(), id); }
    const Node* Next(const Node* node) const { return In(nodes_.get<0>(), node->next_id()); }
    const Node* Previous(const Node* node) const { return In(nodes_.get<1>(), node->id()); }

   private:
    template <typename Index>
    static const Node* In(const Index& index, std::int64_t key) {
      auto it = index.find(key);
      return it == index.end() ? nullptr : *it;
    }
    const Container& nodes_;
  };

 private:
  friend class Request;

  HeapNodes heap_;
  Container nodes_;
};

template <typename Op>
void RegisterYardsticks() {
  for (const std::size_t n : {10'000, 1'000'000}) {
    RegisterLookups<Op, Tbb>({n});
    RegisterLookups<Op, BoostMultiIndex>({n});
  }
  RegisterThreads<Op, Tbb>({1'000'000});
}

}  // namespace
}  // namespace kin::bench

int main(int argc, char** argv) {
  using namespace kin::bench;
  if (!Initialize(argc, argv)) return 1;
  RegisterYardsticks<BelongsToOp>();
  RegisterYardsticks<HasOneOp>();
  RegisterYardsticks<FindOp>();
  return RunGroups();
}
