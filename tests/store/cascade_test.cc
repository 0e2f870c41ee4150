// Cascades over cycles, diamonds and deep chains.
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/relations.kin.h"

namespace kin {
namespace {

using ::relations::Node;
using ::relations::NodeModel;
using ::relations::NodeRef;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::int64_t kDepth = 50'000;
#else
constexpr std::int64_t kDepth = 1'000'000;
#endif

class CascadeTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    const absl::Status status = store_->Write(body).status();
    ASSERT_EQ(status, absl::OkStatus());
  }
  // 0: none.
  static Node Make(std::int64_t id, std::int64_t parent, std::int64_t other = 0) {
    Node node;
    node.set_id(id);
    if (parent != 0) node.set_parent_id(parent);
    if (other != 0) node.set_friend_id(other);
    return node;
  }
  void Insert(std::vector<Node> nodes) {
    Write([&](Transaction& txn) -> absl::Status {
      for (Node& node : nodes) {
        if (auto s = txn.Insert(std::move(node)).status(); !s.ok()) return s;
      }
      return absl::OkStatus();
    });
  }
  void Delete(std::int64_t id) {
    Write([&](Transaction& txn) { return txn.Delete(txn.Find<Node>(id)); });
  }
  std::int64_t Count() { return store_->GetSnapshot().Count<Node>(); }

  std::unique_ptr<Store> store_ = *Store::Open(Schema::Of<Node>());
};

TEST_F(CascadeTest, AMillionDeepChainGoesWithItsRoot) {
  Write([](Transaction& txn) -> absl::Status {
    for (std::int64_t id = 1; id <= kDepth; ++id) {
      if (auto s = txn.Insert(Make(id, id - 1)).status(); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
  ASSERT_EQ(Count(), kDepth);
  const Snapshot before = store_->GetSnapshot();
  Delete(1);
  EXPECT_EQ(Count(), 0);
  EXPECT_EQ(before.Count<Node>(), kDepth);
  EXPECT_EQ(before.Find<Node>(kDepth).parent(), before.Find<Node>(kDepth - 1));
}

TEST_F(CascadeTest, ADeepCycleGoesFromAnyOfItsRecords) {
  constexpr std::int64_t kLength = 10'000;
  Write([](Transaction& txn) -> absl::Status {
    for (std::int64_t id = 1; id <= kLength; ++id) {
      if (auto s = txn.Insert(Make(id, id % kLength + 1)).status(); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
  Delete(kLength / 2);
  EXPECT_EQ(Count(), 0);
}

TEST_F(CascadeTest, ARecordThatBelongsToItselfGoes) {
  Insert({Make(1, 1, 1), Make(2, 1)});
  Delete(1);
  EXPECT_EQ(Count(), 0);
}

TEST_F(CascadeTest, CyclesThatShareRecordsGoOnce) {
  Insert({Make(1, 2, 3), Make(2, 1, 4), Make(3, 4, 1), Make(4, 3, 2), Make(5, 5)});
  Delete(3);
  EXPECT_EQ(Count(), 1);
}

TEST_F(CascadeTest, ADiamondGoesOnce) {
  Insert({Make(1, 0), Make(2, 1), Make(3, 1), Make(4, 2, 3), Make(5, 4)});
  Delete(1);
  EXPECT_EQ(Count(), 0);
}

TEST_F(CascadeTest, WhoOnlyKnowsARecordThatGoesLosesIt) {
  Node peer = Make(3, 0);
  peer.set_peer_id(2);
  Node both = Make(4, 1);  // It goes itself, and knows one that goes.
  both.set_peer_id(2);
  Insert({Make(1, 0), Make(2, 1), peer, both});
  Delete(1);
  EXPECT_EQ(Count(), 1);
  EXPECT_FALSE(store_->GetSnapshot().Find<Node>(3)->has_peer_id());
}

TEST_F(CascadeTest, RandomGraphsLoseWhatCanBeReached) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    store_ = *Store::Open(Schema::Of<Node>());
    std::mt19937_64 random(seed);
    constexpr std::int64_t kNodes = 60;
    std::vector<Node> nodes;
    for (std::int64_t id = 1; id <= kNodes; ++id) {
      const auto any = [&] {
        return random() % 3 == 0 ? 0 : static_cast<std::int64_t>(random() % kNodes) + 1;
      };
      nodes.push_back(Make(id, any(), any()));
      if (const std::int64_t peer = any(); peer != 0) nodes.back().set_peer_id(peer);
    }
    Insert(nodes);
    const auto root = static_cast<std::int64_t>(random() % kNodes) + 1;
    std::set<std::int64_t> gone = {root};
    for (std::size_t size = 0; size != gone.size();) {
      size = gone.size();
      for (const Node& node : nodes) {
        if (gone.contains(node.parent_id()) || gone.contains(node.friend_id())) {
          gone.insert(node.id());
        }
      }
    }
    Delete(root);
    const Snapshot snapshot = store_->GetSnapshot();
    for (const Node& node : nodes) {
      const NodeRef left = snapshot.Find<Node>(node.id());
      ASSERT_EQ(left.get() == nullptr, gone.contains(node.id())) << node.ShortDebugString();
      if (!left) continue;
      EXPECT_EQ(left->has_peer_id(), node.has_peer_id() && !gone.contains(node.peer_id()));
    }
    EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
  }
}

}  // namespace
}  // namespace kin
