// Associations in combinations that are easily got wrong.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/hooks.h"
#include "kin/store/store.h"
#include "tests/store/corners.kin.h"

namespace kin {
namespace {

using ::corners::Badge;
using ::corners::Edge;
using ::corners::EdgeModel;
using ::corners::EdgeRef;
using ::corners::Line;
using ::corners::Member;
using ::corners::MemberModel;
using ::corners::Owner;
using ::corners::OwnerModel;
using ::corners::Pass;
using ::corners::Photo;
using ::corners::PhotoModel;
using ::corners::Pin;
using ::corners::Post;
using ::corners::PostModel;
using ::corners::Remark;
using ::corners::Room;
using ::corners::Seat;
using ::corners::Sheet;
using ::corners::SheetModel;
using ::corners::Vertex;
using ::corners::VertexModel;
using ::corners::VertexRef;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class AssociationCornersTest : public ::testing::Test {
 protected:
  void Open() {
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(schema_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void SetUp() override { Open(); }
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  absl::Status WriteStatus(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return store_->Write(body).status();
  }
  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    ASSERT_EQ(WriteStatus(body), absl::OkStatus());
  }
  static VertexRef NewVertex(Transaction& txn, std::int64_t id, std::int64_t leader = 0) {
    Vertex vertex;
    vertex.set_id(id);
    if (leader != 0) vertex.set_leader_id(leader);
    return txn.Insert(std::move(vertex)).value();
  }
  static EdgeRef NewEdge(Transaction& txn, std::int64_t id, std::int64_t from, std::int64_t to,
                         std::int64_t after = 0) {
    Edge edge;
    edge.set_id(id);
    edge.set_from_id(from);
    edge.set_to_id(to);
    if (after != 0) edge.set_after_id(after);
    return txn.Insert(std::move(edge)).value();
  }
  template <typename Range>
  static std::vector<std::int64_t> Ids(const Range& range) {
    std::vector<std::int64_t> ids;
    for (const auto ref : range) ids.push_back(ref->id());
    EXPECT_EQ(range.size(), ids.size());
    return ids;
  }

  Schema schema_ = Schema::Of<Vertex, Edge, Pin, Owner, Sheet, Line, Pass, Member, Room, Seat, Post,
                              Photo, Remark, Badge>();
  std::unique_ptr<Store> store_;
};

// --- has_one ---

TEST_F(AssociationCornersTest, SettingAHasOneWhoseForeignKeyIsTheKeyKeepsTheRecord) {
  Write([](Transaction& txn) -> absl::Status {
    const auto owner = txn.Insert(Owner());
    Sheet sheet;
    sheet.set_text("old");
    const auto set = txn.Set(*owner, OwnerModel::sheet, std::move(sheet));
    if (!set.ok()) return set.status();
    return txn.Add(*set, SheetModel::lines, Line()).status();
  });
  // With its key left to Set, as with its key given: other contents of the same record.
  Write([](Transaction& txn) -> absl::Status {
    Sheet sheet;
    sheet.set_text("new");
    const auto set = txn.Set(txn.Find<Owner>(1), OwnerModel::sheet, std::move(sheet));
    if (!set.ok()) return set.status();
    EXPECT_EQ((*set)->version(), 2);
    return absl::OkStatus();
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Sheet>(1)->text(), "new");
  EXPECT_THAT(Ids(snapshot.Find<Sheet>(1).lines()), ElementsAre(1));
  // Given with its key, it is a copy that says which version it was made from.
  EXPECT_EQ(WriteStatus([](Transaction& txn) {
              Sheet sheet;
              sheet.set_owner_id(1);
              sheet.set_version(1);
              return txn.Set(txn.Find<Owner>(1), OwnerModel::sheet, std::move(sheet)).status();
            }).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(AssociationCornersTest, AForeignKeyCalledIdIsTheParentsAndNotAllocated) {
  Write([](Transaction& txn) -> absl::Status {
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(txn.Insert(Owner()).ok());
    const auto pass = txn.Set(txn.Find<Owner>(2), OwnerModel::pass, Pass());
    EXPECT_EQ(pass->owner(), txn.Find<Owner>(2));
    return pass.status();
  });
  // It would have been of owner 3.
  const auto status = WriteStatus([](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(txn.Insert(Owner()).ok());
    return txn.Insert(Pass()).status();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("corners.Pass(0).id: there is no corners.Owner with id 0"));
}

TEST_F(AssociationCornersTest, ARecordMayBeTheHasOneOfItself) {
  Write([](Transaction& txn) -> absl::Status {
    const VertexRef one = NewVertex(txn, 1);
    NewVertex(txn, 2);
    for (int i = 0; i < 2; ++i) {  // The second time it is there already.
      const auto set = txn.Set(one, VertexModel::next, one);
      EXPECT_EQ(set->next(), *set);
      EXPECT_EQ(set->previous(), *set);
    }
    return absl::OkStatus();
  });
  const Snapshot itself = store_->GetSnapshot();
  // A reference to a version from before that: the record replaced is the parent.
  Write([&](Transaction& txn) {
    return txn.Set(itself.Find<Vertex>(1), VertexModel::next, itself.Find<Vertex>(2)).status();
  });
  Write([&](Transaction& txn) {
    const VertexRef one = txn.Find<Vertex>(1);
    EXPECT_FALSE(one->has_previous_id());
    EXPECT_EQ(one.next(), txn.Find<Vertex>(2));
    EXPECT_EQ(txn.Set(one, VertexModel::next, one).status(), absl::OkStatus());
    EXPECT_FALSE(txn.Find<Vertex>(2)->has_previous_id());
    EXPECT_EQ(txn.Clear(one, VertexModel::next), absl::OkStatus());
    EXPECT_FALSE(txn.Find<Vertex>(1).next());
    return txn.Set(one, VertexModel::next, one).status();
  });
  Write([](Transaction& txn) { return txn.Delete(txn.Find<Vertex>(1)); });
  EXPECT_EQ(store_->GetSnapshot().Count<Vertex>(), 1);
  EXPECT_EQ(
      WriteStatus([&](Transaction& txn) {
        return txn.Set(txn.Find<Vertex>(2), VertexModel::next, itself.Find<Vertex>(1)).status();
      }).code(),
      absl::StatusCode::kNotFound);
}

TEST_F(AssociationCornersTest, TheLowestChildIsShownWhicheverWayItIsAskedFor) {
  const auto expect = [](const auto& reader, std::int64_t id) {
    const std::vector<VertexRef> owners = {
        reader.template Find<Vertex>(1), {}, reader.template Find<Vertex>(2)};
    std::vector<EdgeRef> first(owners.size());
    reader.Resolve(owners, VertexModel::first_edge, absl::MakeSpan(first));
    EXPECT_EQ(first[0], reader.template Find<Edge>(id));
    EXPECT_EQ(owners[0].first_edge(), reader.template Find<Edge>(id));
    EXPECT_FALSE(first[1]);
    EXPECT_FALSE(first[2]);
    std::vector<Range<Edge>> all(owners.size());
    reader.Resolve(owners, VertexModel::edges, absl::MakeSpan(all));
    EXPECT_EQ(Ids(all[0]), Ids(owners[0].edges()));
    std::vector<VertexRef> targets(owners.size());
    reader.Resolve(owners, VertexModel::any_target, absl::MakeSpan(targets));
    EXPECT_EQ(targets[0], owners[0].any_target());
  };
  Write([&](Transaction& txn) -> absl::Status {
    NewVertex(txn, 1);
    NewVertex(txn, 2);
    for (const std::int64_t id : {5, 3, 9, 7}) {
      NewEdge(txn, id, 1, 2);
      expect(txn, id == 5 ? 5 : 3);
    }
    return absl::OkStatus();
  });
  const Snapshot before = store_->GetSnapshot();
  Write([&](Transaction& txn) -> absl::Status {
    expect(txn, 3);
    EXPECT_EQ(txn.Delete(txn.Find<Edge>(3)), absl::OkStatus());
    expect(txn, 5);
    EXPECT_TRUE(txn.Update(txn.Find<Edge>(5), [](Edge& edge) { edge.set_from_id(2); }).ok());
    EXPECT_EQ(txn.Find<Vertex>(1).first_edge(), txn.Find<Edge>(7));
    const auto savepoint = txn.Savepoint();
    NewEdge(txn, 1, 1, 2);
    EXPECT_EQ(txn.Find<Vertex>(1).first_edge(), txn.Find<Edge>(1));
    txn.RollbackTo(savepoint);
    EXPECT_EQ(txn.Find<Vertex>(1).first_edge(), txn.Find<Edge>(7));
    return absl::OkStatus();
  });
  expect(before, 3);
  EXPECT_EQ(store_->GetSnapshot().Find<Vertex>(1).first_edge()->id(), 7);
}

// --- oneof ---

TEST_F(AssociationCornersTest, EachArmOfAOneofIsAssignedAsAnAssociationOfItsOwn) {
  Write([](Transaction& txn) -> absl::Status {
    const auto post = txn.Insert(Post()).value();
    const auto photo = txn.Insert(Photo()).value();
    const auto remark = txn.Add(post, PostModel::remarks, Remark()).value();
    const auto other = txn.Add(post, PostModel::remarks, Remark()).value();
    EXPECT_THAT(Ids(post.remarks()), UnorderedElementsAre(1, 2));
    EXPECT_EQ(txn.Remove(photo, PhotoModel::remarks, remark).code(), absl::StatusCode::kNotFound);
    // From arm to arm: it is of one of the two.
    EXPECT_TRUE(txn.Add(photo, PhotoModel::remarks, remark).ok());
    EXPECT_THAT(Ids(post.remarks()), ElementsAre(2));
    EXPECT_THAT(Ids(photo.remarks()), ElementsAre(1));
    EXPECT_EQ(txn.Find<Remark>(1).subject(), decltype(remark.subject())(photo));
    // An arm may be absent, whatever its delete rule.
    EXPECT_EQ(txn.Remove(post, PostModel::remarks, other), absl::OkStatus());
    EXPECT_EQ(txn.Find<Remark>(2)->subject_case(), Remark::SUBJECT_NOT_SET);

    EXPECT_TRUE(txn.Set(post, PostModel::badge, Badge()).ok());
    EXPECT_TRUE(txn.Set(photo, PhotoModel::badge, Badge()).ok());
    // It leaves the post, and takes the place of the other one.
    EXPECT_TRUE(txn.Set(photo, PhotoModel::badge, txn.Find<Badge>(1)).ok());
    EXPECT_FALSE(post.badge());
    EXPECT_EQ(photo.badge(), txn.Find<Badge>(1));
    EXPECT_EQ(txn.Find<Badge>(2)->holder_case(), Badge::HOLDER_NOT_SET);
    EXPECT_EQ(txn.Clear(post, PostModel::badge), absl::OkStatus());
    return txn.Set(post, PostModel::badge, txn.Find<Badge>(2)).status();
  });
  // A remark that has moved to a post goes with it, the badge stays.
  Write([](Transaction& txn) -> absl::Status {
    const auto post = txn.Find<Post>(1);
    EXPECT_TRUE(txn.Add(post, PostModel::remarks, txn.Find<Remark>(1)).ok());
    return txn.Delete(post);
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_FALSE(snapshot.Find<Remark>(1));
  EXPECT_EQ(snapshot.Find<Badge>(2)->holder_case(), Badge::HOLDER_NOT_SET);
  EXPECT_EQ(snapshot.Find<Photo>(1).badge()->id(), 1);
}

// --- through ---

TEST_F(AssociationCornersTest, ThroughGivesEachRecordOnceHoweverManyWaysLeadToIt) {
  Write([](Transaction& txn) -> absl::Status {
    for (std::int64_t id = 1; id <= 5; ++id) NewVertex(txn, id, id < 4 ? 1 : 0);
    std::int64_t edge = 0;
    for (const std::int64_t middle : {2, 3, 3}) {
      NewEdge(txn, ++edge, 1, middle);
      for (const std::int64_t end : {4, 5, 1}) NewEdge(txn, ++edge, middle, end);
    }
    return absl::OkStatus();
  });
  const auto expect = [](const auto& reader) {
    const VertexRef one = reader.template Find<Vertex>(1);
    EXPECT_THAT(Ids(one.targets()), UnorderedElementsAre(2, 3));
    EXPECT_THAT(Ids(one.second_targets()), UnorderedElementsAre(1, 4, 5));
    EXPECT_THAT(Ids(reader.template Find<Vertex>(4).sources()), UnorderedElementsAre(2, 3));
    // Over a belongs_to.
    EXPECT_THAT(Ids(reader.template Find<Vertex>(2).rivals()), UnorderedElementsAre(1, 2, 3));
    EXPECT_THAT(Ids(reader.template Find<Vertex>(5).rivals()), IsEmpty());
    std::vector<VertexRef> all;
    for (const VertexRef vertex : reader.template All<Vertex>()) all.push_back(vertex);
    std::vector<Range<Vertex>> targets(all.size());
    std::vector<Range<Vertex>> seconds(all.size());
    reader.Resolve(all, VertexModel::targets, absl::MakeSpan(targets));
    reader.Resolve(all, VertexModel::second_targets, absl::MakeSpan(seconds));
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(Ids(targets[i]), Ids(all[i].targets()));
      EXPECT_EQ(Ids(seconds[i]), Ids(all[i].second_targets()));
    }
    return Ids(one.second_targets());
  };
  const Snapshot snapshot = store_->GetSnapshot();
  const std::vector<std::int64_t> order = expect(snapshot);
  Write([&](Transaction& txn) {
    EXPECT_EQ(expect(txn), order);
    return absl::OkStatus();
  });
}

TEST_F(AssociationCornersTest, RemovingMiddlesThatCascadeIntoEachOtherRemovesThemAll) {
  Write([](Transaction& txn) -> absl::Status {
    NewVertex(txn, 1);
    NewVertex(txn, 2);
    NewEdge(txn, 1, 1, 2);
    NewEdge(txn, 2, 1, 2, /*after=*/1);
    NewEdge(txn, 3, 1, 2);
    return absl::OkStatus();
  });
  Write([](Transaction& txn) {
    return txn.Remove(txn.Find<Vertex>(1), VertexModel::targets, txn.Find<Vertex>(2));
  });
  EXPECT_EQ(store_->GetSnapshot().Count<Edge>(), 0);
  EXPECT_EQ(store_->GetSnapshot().Count<Vertex>(), 2);
}

TEST_F(AssociationCornersTest, WhatAThroughLeadsToMayBeRemovedOneByOne) {
  Write([](Transaction& txn) -> absl::Status {
    for (std::int64_t id = 1; id <= 40; ++id) NewVertex(txn, id);
    for (std::int64_t id = 2; id <= 40; ++id) {
      NewEdge(txn, 2 * id, 1, id);
      NewEdge(txn, 2 * id + 1, 1, id);
    }
    const VertexRef one = txn.Find<Vertex>(1);
    int removed = 0;
    for (const VertexRef target : one.targets()) {
      if (target->id() % 2 == 0) continue;
      EXPECT_EQ(txn.Remove(one, VertexModel::targets, target), absl::OkStatus());
      if (target->id() % 4 == 1) {
        EXPECT_EQ(txn.Delete(target), absl::OkStatus());
      }
      ++removed;
    }
    EXPECT_EQ(removed, 19);
    EXPECT_EQ(one.targets().size(), 20u);
    EXPECT_EQ(txn.Count<Edge>(), 40);
    return absl::OkStatus();
  });
}

TEST_F(AssociationCornersTest, AddOverAThroughGivesTheVersionThatHooksLeave) {
  schema_.After<Edge>(Change::kInsert, [](const ChangeOf<Edge>& change, Transaction& txn) {
    return txn.Update(change.ref().to(), [](Vertex& to) { to.set_degree(to.degree() + 1); })
        .status();
  });
  Open();
  Write([](Transaction& txn) -> absl::Status {
    const VertexRef one = NewVertex(txn, 1);
    const auto made = txn.Add(one, VertexModel::targets, Vertex());
    EXPECT_EQ((*made)->degree(), 1);
    const auto again = txn.Add(NewVertex(txn, 7), VertexModel::targets, *made);
    EXPECT_EQ((*again)->degree(), 2);
    return again.status();
  });
}

TEST_F(AssociationCornersTest, AMiddleWhoseKeysShareAFieldLeadsToBothEndsOrIsRefused) {
  const auto new_member = [](std::int64_t tenant) {
    Member member;
    member.set_tenant(tenant);
    member.set_number(1);
    return member;
  };
  const auto new_room = [](std::int64_t tenant) {
    Room room;
    room.set_tenant(tenant);
    room.set_number(2);
    return room;
  };
  Write([&](Transaction& txn) -> absl::Status {
    for (const std::int64_t tenant : {1, 2}) {
      EXPECT_TRUE(txn.Insert(new_member(tenant)).ok());
      EXPECT_TRUE(txn.Insert(new_room(tenant)).ok());
    }
    return txn.Add(txn.Find<Member>(1, 1), MemberModel::rooms, txn.Find<Room>(1, 2)).status();
  });
  Write([&](Transaction& txn) -> absl::Status {
    const auto status =
        txn.Add(txn.Find<Member>(1, 1), MemberModel::rooms, txn.Find<Room>(2, 2)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("corners.Member(1, 1).rooms"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("corners.Room(2, 2)"));
    EXPECT_EQ(txn.Count<Seat>(), 1);
    // Nor is a far record made for nothing.
    Room other;
    other.set_tenant(3);
    EXPECT_FALSE(txn.Add(txn.Find<Member>(1, 1), MemberModel::rooms, other).ok());
    EXPECT_EQ(txn.Count<Room>(), 2);
    return absl::OkStatus();
  });
}

// --- Deleting ---

TEST_F(AssociationCornersTest, ACascadeLeavesWhatAHookHasGivenToAnother) {
  // When a vertex goes, its edges pass to vertex 9.
  schema_.After<Vertex>(Change::kDelete, [](const ChangeOf<Vertex>& change, Transaction& txn) {
    for (const EdgeRef edge : change.ref().edges()) {
      if (edge->id() == 3) continue;
      const auto moved = txn.Update(edge, [](Edge& changed) { changed.set_from_id(9); });
      if (!moved.ok()) return moved.status();
    }
    return absl::OkStatus();
  });
  Open();
  Write([](Transaction& txn) -> absl::Status {
    for (const std::int64_t id : {1, 2, 9}) NewVertex(txn, id);
    NewEdge(txn, 1, 1, 2);
    NewEdge(txn, 2, 1, 2);
    NewEdge(txn, 3, 1, 2);
    NewEdge(txn, 4, 1, 1);  // It leads to the vertex that goes as well.
    return absl::OkStatus();
  });
  Write([](Transaction& txn) { return txn.Delete(txn.Find<Vertex>(1)); });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_THAT(Ids(snapshot.Find<Vertex>(9).edges()), UnorderedElementsAre(1, 2));
  EXPECT_EQ(snapshot.Count<Edge>(), 2);
}

TEST_F(AssociationCornersTest, ASavepointTakesBackACascadeAndWhatItWouldHaveBroken) {
  Write([](Transaction& txn) -> absl::Status {
    for (const std::int64_t id : {1, 2, 3}) NewVertex(txn, id, id == 3 ? 1 : 0);
    NewEdge(txn, 1, 1, 2);
    NewEdge(txn, 2, 2, 3, /*after=*/1);
    Pin pin;
    pin.set_edge_id(2);
    return txn.Insert(std::move(pin)).status();
  });
  // Edge 2 goes with edge 1, and the pin restricts it.
  const auto status = WriteStatus([](Transaction& txn) { return txn.Delete(txn.Find<Vertex>(1)); });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("corners.Edge(2): it cannot be deleted"));
  Write([](Transaction& txn) -> absl::Status {
    const auto savepoint = txn.Savepoint();
    EXPECT_EQ(txn.Delete(txn.Find<Vertex>(1)), absl::OkStatus());
    EXPECT_EQ(txn.Count<Edge>(), 0);
    EXPECT_FALSE(txn.Find<Vertex>(3)->has_leader_id());
    txn.RollbackTo(savepoint);
    EXPECT_EQ(txn.Count<Edge>(), 2);
    EXPECT_EQ(txn.Find<Vertex>(3).leader(), txn.Find<Vertex>(1));
    EXPECT_EQ(txn.Find<Edge>(2).after(), txn.Find<Edge>(1));
    return txn.Update(txn.Find<Vertex>(2), [](Vertex& v) { v.set_degree(1); }).status();
  });
  // The pin goes in the same transaction, after what it stood on.
  Write([](Transaction& txn) -> absl::Status {
    if (auto s = txn.Delete(txn.Find<Vertex>(1)); !s.ok()) return s;
    return txn.Delete(txn.Find<Pin>(1));
  });
  EXPECT_EQ(store_->GetSnapshot().Count<Edge>(), 0);
}

TEST_F(AssociationCornersTest, ARestrictedDeleteIsListedBesideChildrenThatCameBack) {
  Write([](Transaction& txn) -> absl::Status {
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(txn.Insert(Owner()).ok());
    NewVertex(txn, 1);
    for (const std::int64_t id : {1, 2}) NewEdge(txn, id, 1, 1);
    for (int i = 0; i < 2; ++i) {
      Pin pin;
      pin.set_edge_id(1);
      EXPECT_TRUE(txn.Insert(std::move(pin)).ok());
    }
    return absl::OkStatus();
  });
  const auto status = WriteStatus([](Transaction& txn) -> absl::Status {
    EXPECT_EQ(txn.Delete(txn.Find<Edge>(1)), absl::OkStatus());
    for (const std::int64_t edge : {2, 1}) {
      EXPECT_TRUE(txn.Update(txn.Find<Pin>(1), [edge](Pin& pin) { pin.set_edge_id(edge); }).ok());
    }
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("corners.Pin(1).edge_id: there is no"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("corners.Edge(1): it cannot be deleted"));
}

}  // namespace
}  // namespace kin
