// Generated code of awkward models, run against a store.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/compiler/awkward/deep/only-messages.kin.h"
#include "tests/compiler/awkward/deep/other-file.v1.kin.h"
#include "tests/compiler/awkward/empty.kin.h"
#include "tests/compiler/awkward/keywords.kin.h"
#include "tests/compiler/awkward/no_package.kin.h"
#include "tests/compiler/awkward/polymorphic.kin.h"
#include "tests/compiler/awkward/two.kin.h"
#include "tests/compiler/awkward/types.kin.h"

namespace {

using ::testing::ElementsAre;

template <typename... Models>
std::unique_ptr<kin::Store> Open() {
  auto store = kin::Store::Open(kin::Schema::Of<Models...>());
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// Inserts records, parents first or last: foreign keys are judged at commit.
template <typename... Records>
void Insert(kin::Store& store, Records... records) {
  const auto commit = store.Write([&](kin::Transaction& txn) -> absl::Status {
    absl::Status status;
    (status.Update(txn.Insert(std::move(records)).status()), ...);
    return status;
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  const absl::Status invariants = store.CheckInvariants();
  ASSERT_TRUE(invariants.ok()) << invariants;
}

// The ids of a range, in no order.
template <typename Range>
std::vector<std::int64_t> Ids(const Range& range) {
  std::vector<std::int64_t> ids;
  for (const auto& ref : range) ids.push_back(ref->id());
  std::sort(ids.begin(), ids.end());
  return ids;
}

TEST(AwkwardTest, KeywordsAreNames) {
  namespace words = awkward::keywords;
  const auto store = Open<words::class_, words::class__struct, words::select, words::post>();
  words::class_ root;
  root.set_id(1);
  root.set_group("root");
  words::class_ child;
  child.set_id(2);
  child.set_operator_(1);
  child.set_group("child");
  words::class__struct friend_of;
  friend_of.set_id(1);
  friend_of.set_class_id(2);
  words::select one;
  one.set_from("a");
  one.set_where_id(2);
  one.set_class_id(1);
  Insert(*store, root, child, friend_of, one);
  const kin::Snapshot snapshot = store->GetSnapshot();
  const words::classRef ref = snapshot.Find<words::class_>(1);
  EXPECT_THAT(Ids(ref.namespace_()), ElementsAre(2));
  EXPECT_EQ(snapshot.Find<words::class_>(2).template_(), ref);
  EXPECT_EQ(snapshot.Find<words::class__struct>(1).friend_()->group(), "child");
  EXPECT_EQ(ref.new_()->from(), "a");
  EXPECT_EQ(ref.tables().size(), 1);
  EXPECT_THAT(Ids(ref.requires_()), ElementsAre(2));
  EXPECT_EQ(snapshot.FindBy(words::classModel::group, "child")->id(), 2);
  const words::selectRef by_key = snapshot.Find<words::select>("a", 2);
  EXPECT_EQ(by_key.where()->id(), 2);
  static_assert(!std::is_default_constructible_v<words::class_structModel>);
}

TEST(AwkwardTest, NestedModelsOfNoPackage) {
  const auto store =
      Open<Outer, Outer_Inner, Outer_Inner_Leaf, awkward::deep::Far, awkward::deep::Detail>();
  Outer_Inner inner;
  inner.set_id("in");
  Outer_Inner_Leaf leaf;
  leaf.set_inner_id("in");
  Insert(*store, inner, leaf);
  const kin::Snapshot snapshot = store->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Outer_Inner>("in").leaves().size(), 1);
  const Outer_Inner_LeafRef first = *snapshot.All<Outer_Inner_Leaf>().begin();
  EXPECT_EQ(first.inner()->id(), "in");
}

TEST(AwkwardTest, ModelsOfOtherFilesAndPackages) {
  const auto store =
      Open<Outer, Outer_Inner, Outer_Inner_Leaf, awkward::deep::Far, awkward::deep::Detail>();
  Outer outer;
  outer.set_id(1);
  outer.set_far_id(7);
  awkward::deep::Far far;
  far.set_id(7);
  far.set_outer_id(1);
  awkward::deep::Detail detail;
  detail.set_far_id(7);
  Insert(*store, outer, far, detail);
  const kin::Snapshot snapshot = store->GetSnapshot();
  const OuterRef ref = snapshot.Find<Outer>(1);
  EXPECT_EQ(ref.far()->id(), 7);
  EXPECT_THAT(Ids(ref.far_ones()), ElementsAre(7));
  EXPECT_EQ(ref.far().detail().far(), ref.far());
}

TEST(AwkwardTest, Proto2) {
  using awkward::kin::Named;
  using awkward::kin::Two;
  using awkward::kin::TwoModel;
  const auto store = Open<Two, Named>();
  Two parent;
  parent.set_id(1);
  parent.set_name("first");
  parent.mutable_part()->set_a(3);
  parent.SetExtension(awkward::kin::extra, 9);
  Two child;
  child.set_id(2);
  child.set_name("second");
  child.set_parent_id(1);
  Named named;
  named.set_id("bytes");
  named.set_two_name("second");
  Insert(*store, parent, child, named);
  const kin::Snapshot snapshot = store->GetSnapshot();
  const awkward::kin::TwoRef ref = snapshot.Find<Two>(1);
  EXPECT_THAT(Ids(ref.twos()), ElementsAre(2));
  EXPECT_EQ(ref->number(), 7);
  EXPECT_FALSE(awkward::kin::kin_internal::Two_F_number::Has(*ref));
  EXPECT_EQ(ref->GetExtension(awkward::kin::extra), 9);
  EXPECT_FALSE(ref.by_name());
  EXPECT_EQ(snapshot.Find<Two>(2).by_name().two()->name(), "second");
}

TEST(AwkwardTest, EveryTypeOfKey) {
  using namespace awkward::types;  // NOLINT(google-build-using-namespace)
  const auto store =
      Open<Int32Key, Int64Key, Uint32Key, Uint64Key, Sint32Key, Sint64Key, Fixed32Key, Fixed64Key,
           Sfixed32Key, Sfixed64Key, StringKey, BytesKey, Children>();
  const auto with_id = [](auto key, auto id) {
    key.set_id(id);
    return key;
  };
  Insert(*store, with_id(Int32Key(), -1), with_id(Int64Key(), INT64_MIN), with_id(Uint32Key(), ~0U),
         with_id(Uint64Key(), ~std::uint64_t{0}), with_id(Sint32Key(), -3),
         with_id(Sint64Key(), -4), with_id(Fixed32Key(), 5U), with_id(Fixed64Key(), 6U),
         with_id(Sfixed32Key(), -7), with_id(Sfixed64Key(), -8), with_id(StringKey(), "nine"),
         with_id(BytesKey(), std::string("\0\xff", 2)));
  Children all;
  all.set_int32_key_id(-1);
  all.set_int64_key_id(INT64_MIN);
  all.set_uint32_key_id(~0U);
  all.set_uint64_key_id(~std::uint64_t{0});
  all.set_sint32_key_id(-3);
  all.set_sint64_key_id(-4);
  all.set_fixed32_key_id(5);
  all.set_fixed64_key_id(6);
  all.set_sfixed32_key_id(-7);
  all.set_sfixed64_key_id(-8);
  all.set_string_key_id("nine");
  all.set_bytes_key_id(std::string("\0\xff", 2));
  Insert(*store, all);
  const kin::Snapshot snapshot = store->GetSnapshot();
  const ChildrenRef child = *snapshot.All<Children>().begin();
  EXPECT_EQ(child.int32_key().children().size(), 1);
  EXPECT_EQ(child.int64_key()->id(), INT64_MIN);
  EXPECT_EQ(child.uint32_key(), snapshot.Find<Uint32Key>(~0U));
  EXPECT_EQ(child.uint64_key(), snapshot.Find<Uint64Key>(~std::uint64_t{0}));
  EXPECT_EQ(child.sint32_key()->id(), -3);
  EXPECT_EQ(child.sint64_key()->id(), -4);
  EXPECT_EQ(child.fixed32_key()->id(), 5);
  EXPECT_EQ(child.fixed64_key()->id(), 6);
  EXPECT_EQ(child.sfixed32_key()->id(), -7);
  EXPECT_EQ(child.sfixed64_key()->id(), -8);
  EXPECT_EQ(child.string_key(), snapshot.Find<StringKey>("nine"));
  EXPECT_EQ(child.bytes_key().children().size(), 1);
}

TEST(AwkwardTest, AKeyOfSeveralPartsOfWhichSomeMayBeAbsent) {
  using awkward::types::Seat;
  using awkward::types::Ticket;
  const auto store = Open<Seat, Ticket>();
  Seat seat;
  seat.set_hall("h");
  seat.set_row(1);
  seat.set_number(2);
  seat.set_mark("m");
  Ticket whole;
  whole.set_hall("h");
  whole.set_row(1);
  whole.set_number(2);
  whole.set_mark("m");
  whole.set_spare_hall("h");
  Ticket part = whole;
  part.clear_number();
  Insert(*store, seat, whole, part);
  const kin::Snapshot snapshot = store->GetSnapshot();
  const awkward::types::SeatRef ref = snapshot.Find<Seat>("h", 1, 2, "m");
  ASSERT_TRUE(ref);
  EXPECT_THAT(Ids(ref.tickets()), ElementsAre(1));
  EXPECT_EQ(ref.spare()->id(), 1);
  EXPECT_EQ(snapshot.Find<Ticket>(1).seat(), ref);
  EXPECT_FALSE(snapshot.Find<Ticket>(2).seat());
}

TEST(AwkwardTest, EveryTypeOfField) {
  using awkward::types::Everything;
  const auto store =
      Open<Everything, awkward::types::Int64Key, awkward::types::Children, awkward::types::Int32Key,
           awkward::types::Uint32Key, awkward::types::Uint64Key, awkward::types::Sint32Key,
           awkward::types::Sint64Key, awkward::types::Fixed32Key, awkward::types::Fixed64Key,
           awkward::types::Sfixed32Key, awkward::types::Sfixed64Key, awkward::types::StringKey,
           awkward::types::BytesKey>();
  Everything record;
  record.set_a_double(0.5);
  record.set_some_bytes("unique");
  record.set_a_colour(awkward::types::GREEN);
  record.add_numbers(3);
  (*record.mutable_by_name())["x"].set_id(4);
  record.mutable_at()->set_seconds(5);
  Insert(*store, record);
  const kin::Snapshot snapshot = store->GetSnapshot();
  const auto ref = snapshot.FindBy(awkward::types::EverythingModel::some_bytes, "unique");
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->id().size(), 36);
  using awkward::types::kin_internal::Everything_F_by_name;
  using awkward::types::kin_internal::Everything_F_colours;
  using awkward::types::kin_internal::Everything_F_numbers;
  static_assert(std::is_same_v<Everything_F_by_name::Value, void>);
  static_assert(std::is_same_v<Everything_F_colours::Value, awkward::types::Colour>);
  EXPECT_TRUE(Everything_F_numbers::Has(*ref));
  EXPECT_FALSE(Everything_F_colours::Has(*ref));
}

TEST(AwkwardTest, AOneofOfForeignKeysIsAVariant) {
  using namespace awkward::polymorphic;  // NOLINT(google-build-using-namespace)
  const auto store = Open<User, Post, Comment>();
  User user;
  user.set_id(1);
  Post post;
  post.set_id(2);
  const auto comment = [](std::int64_t id) {
    Comment made;
    made.set_id(id);
    made.set_author_id(1);
    return made;
  };
  Comment of_user = comment(1);
  of_user.set_user_id(1);
  Comment of_post = comment(2);
  of_post.set_post_id(2);
  Comment of_other = comment(3);
  of_other.set_clear_id(1);
  Comment of_url = comment(4);
  of_url.set_url("u");
  of_url.set_default_id(2);
  Insert(*store, user, post, of_user, of_post, of_other, of_url);
  const kin::Snapshot snapshot = store->GetSnapshot();
  const UserRef author = snapshot.Find<User>(1);
  static_assert(std::is_same_v<decltype(CommentRef().subject()),
                               std::variant<std::monostate, UserRef, PostRef, UserRef>>);
  EXPECT_EQ(std::get<1>(snapshot.Find<Comment>(1).subject()), author);
  EXPECT_EQ(std::get<2>(snapshot.Find<Comment>(2).subject())->id(), 2);
  EXPECT_EQ(std::get<3>(snapshot.Find<Comment>(3).subject()), author);
  EXPECT_EQ(snapshot.Find<Comment>(4).subject().index(), 0);
  EXPECT_EQ(std::get<1>(snapshot.Find<Comment>(4).union_())->id(), 2);
  EXPECT_EQ(CommentRef().subject().index(), 0);
  EXPECT_EQ(author.clear().size(), 1);
  EXPECT_EQ(author.descriptor().size(), 1);
  EXPECT_EQ(author.has_email().size(), 4);
  EXPECT_EQ(author.swap()->id(), 1);
  EXPECT_FALSE(author.first_post());
}

}  // namespace
