// Every kind of association, over every kind of key, through every operation: one test a row,
// instantiated for each kind of key.
// Over 600 lines: one table of association kinds, its operations templates over kinds of key.
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/kinds/bytes.kin.h"
#include "tests/store/kinds/composite.kin.h"
#include "tests/store/kinds/int32.kin.h"
#include "tests/store/kinds/int64.kin.h"
#include "tests/store/kinds/string.kin.h"
#include "tests/store/kinds/uint64.kin.h"
#include "tests/store/kinds/uuid.kin.h"

namespace kin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// The models of a package, with its keys: Id(m, n) makes `n` the key of a record, ParentId(m, n)
// its foreign key, and so on; Number(m) is what Id was given.
#define KIN_KINDS(package)                    \
  using Parent = package::Parent;             \
  using ParentRef = package::ParentRef;       \
  using ParentModel = package::ParentModel;   \
  using Profile = package::Profile;           \
  using ProfileModel = package::ProfileModel; \
  using Card = package::Card;                 \
  using Item = package::Item;                 \
  using ItemModel = package::ItemModel;       \
  using Part = package::Part;                 \
  using Badge = package::Badge;               \
  using Label = package::Label;               \
  using Other = package::Other;               \
  using OtherModel = package::OtherModel;     \
  using Join = package::Join

// Keys of one field, that hold what `Key::Make(n)` gives.
template <typename Key>
struct SingleKeys {
  template <typename M>
  static void Id(M& m, int n) {
    m.set_id(Key::Make(n));
  }
  template <typename M>
  static int Number(const M& m) {
    return Key::Number(m.id());
  }
  template <typename M>
  static void ParentId(M& m, int n) {
    m.set_parent_id(Key::Make(n));
  }
  template <typename M>
  static bool HasParent(const M& m) {
    return m.has_parent_id();
  }
  template <typename M>
  static void Alias(M& m, int n) {
    m.set_alias(Key::Make(n));
  }
  template <typename M>
  static void Named(M& m, int n) {
    m.set_named(Key::Make(n));
  }
  template <typename M>
  static void Boss(M& m, int n) {
    m.set_boss_id(Key::Make(n));
  }
};

template <typename T>
struct Integer {
  static T Make(int n) { return static_cast<T>(n); }
  static int Number(T value) { return static_cast<int>(value); }
};
// Texts of all lengths, with what has to be escaped in keys of several parts.
struct Text {
  static std::string Make(int n) {
    return absl::StrCat(n,
                        n % 2 == 0 ? "" : std::string("\0a long text beyond what is inline", 32));
  }
  static int Number(const std::string& value) { return std::stoi(value); }
};

struct Int32 : SingleKeys<Integer<std::int32_t>> {
  KIN_KINDS(kinds_int32);
  using Note = kinds_int32::Note;
  static constexpr char kName[] = "int32";
};
struct Int64 : SingleKeys<Integer<std::int64_t>> {
  KIN_KINDS(kinds_int64);
  using Note = kinds_int64::Note;
  static constexpr char kName[] = "int64";
};
struct UInt64 : SingleKeys<Integer<std::uint64_t>> {
  KIN_KINDS(kinds_uint64);
  using Note = kinds_uint64::Note;
  static constexpr char kName[] = "uint64";
};
struct String : SingleKeys<Text> {
  KIN_KINDS(kinds_string);
  using Note = kinds_string::Note;
  static constexpr char kName[] = "string";
};
struct Bytes : SingleKeys<Text> {
  KIN_KINDS(kinds_bytes);
  using Note = kinds_bytes::Note;
  static constexpr char kName[] = "bytes";
};
struct Uuid : SingleKeys<Text> {
  KIN_KINDS(kinds_uuid);
  using Note = kinds_uuid::Note;
  static constexpr char kName[] = "uuid";
};

struct Composite {
  KIN_KINDS(kinds_composite);
  static constexpr char kName[] = "composite";

  // Many share their first part.
  static int A(int n) { return n / 4; }
  static std::string B(int n) { return Text::Make(n); }
  template <typename M>
  static void Id(M& m, int n) {
    m.set_a(A(n));
    m.set_b(B(n));
  }
  template <typename M>
  static int Number(const M& m) {
    return Text::Number(m.b());
  }
  template <typename M>
  static void ParentId(M& m, int n) {
    m.set_parent_a(A(n));
    m.set_parent_b(B(n));
  }
  template <typename M>
  static bool HasParent(const M& m) {
    return m.has_parent_a() || m.has_parent_b();
  }
  template <typename M>
  static void Alias(M& m, int n) {
    m.set_alias_a(A(n));
    m.set_alias_b(B(n));
  }
  template <typename M>
  static void Named(M& m, int n) {
    m.set_named_a(A(n));
    m.set_named_b(B(n));
  }
  template <typename M>
  static void Boss(M& m, int n) {
    m.set_boss_a(A(n));
    m.set_boss_b(B(n));
  }
};

template <typename K>
class KindsTest : public ::testing::Test {
 protected:
  using Parent = typename K::Parent;
  using ParentRef = typename K::ParentRef;
  using ParentModel = typename K::ParentModel;

  KindsTest() {
    store_ = *Store::Open(Schema::Of<Parent, typename K::Profile, typename K::Card,
                                     typename K::Item, typename K::Part, typename K::Badge,
                                     typename K::Label, typename K::Other, typename K::Join>());
    Write([](Transaction& txn) -> absl::Status {
      for (int n = 1; n <= 3; ++n) {
        Parent parent;
        K::Id(parent, n);
        K::Alias(parent, 100 + n);
        if (auto s = txn.Insert(std::move(parent)).status(); !s.ok()) return s;
      }
      return absl::OkStatus();
    });
  }
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    EXPECT_EQ(store_->Write(body).status(), absl::OkStatus());
  }
  absl::StatusCode CodeOf(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return store_->Write(body).status().code();
  }

  template <typename M>
  static M New(int n) {
    M record;
    K::Id(record, n);
    return record;
  }
  template <typename M>
  static M NewOf(int n, int parent) {
    M record = New<M>(n);
    K::ParentId(record, parent);
    return record;
  }
  template <typename M>
  static RefOf<M> Find(const internal::Reader& reader, int n) {
    for (const auto ref : reader.All<M>()) {
      if (K::Number(*ref) == n) {
        if constexpr (std::is_same_v<K, Composite>) {
          EXPECT_EQ(reader.Find<M>(ref->a(), ref->b()), ref);
        } else {
          EXPECT_EQ(reader.Find<M>(ref->id()), ref);
        }
        return ref;
      }
    }
    return {};
  }
  static ParentRef Of(const internal::Reader& reader, int n) { return Find<Parent>(reader, n); }
  template <typename Range>
  static std::vector<int> Numbers(const Range& range) {
    std::vector<int> numbers;
    for (const auto ref : range) numbers.push_back(K::Number(*ref));
    EXPECT_EQ(range.size(), numbers.size());
    return numbers;
  }
  // 0 of an empty one.
  template <typename Ref>
  static int NumberOf(const Ref& ref) {
    return ref ? K::Number(*ref) : 0;
  }

  std::unique_ptr<Store> store_;
};

using AllKinds = ::testing::Types<Int32, Int64, UInt64, String, Bytes, Uuid, Composite>;
struct KindName {
  template <typename K>
  static std::string GetName(int) {
    return K::kName;
  }
};
TYPED_TEST_SUITE(KindsTest, AllKinds, KindName);

// `this->` is what a typed test needs for each member of its fixture.
#define KIN_USE_FIXTURE                                         \
  using K = TypeParam;                                          \
  using Fixture = KindsTest<K>;                                 \
  using ParentModel [[maybe_unused]] = typename K::ParentModel; \
  [[maybe_unused]] const auto of = [](const auto& reader, int n) { return Fixture::Of(reader, n); }

TYPED_TEST(KindsTest, BelongsToLeadsToItsParentOrNowhere) {
  KIN_USE_FIXTURE;
  this->Write([](Transaction& txn) -> absl::Status {
    // A child may be there before its parent.
    if (auto s = txn.Insert(Fixture::template NewOf<typename K::Part>(1, 9)).status(); !s.ok()) {
      return s;
    }
    if (auto s = txn.Insert(Fixture::template New<typename K::Item>(1)).status(); !s.ok()) return s;
    return txn.Insert(Fixture::template New<typename K::Parent>(9)).status();
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  const auto part = Fixture::template Find<typename K::Part>(snapshot, 1);
  EXPECT_EQ(part.parent(), of(snapshot, 9));
  EXPECT_FALSE(Fixture::template Find<typename K::Item>(snapshot, 1).parent());
}

TYPED_TEST(KindsTest, AParentThatIsMissingAtCommitIsRefused) {
  KIN_USE_FIXTURE;
  EXPECT_EQ(this->CodeOf([](Transaction& txn) {
    return txn.Insert(Fixture::template NewOf<typename K::Part>(1, 9)).status();
  }),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(this->CodeOf([](Transaction& txn) {
    return txn.Insert(Fixture::template NewOf<typename K::Item>(1, 9)).status();
  }),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(this->CodeOf([](Transaction& txn) {
    auto label = Fixture::template New<typename K::Label>(1);
    K::Named(label, 1);  // The key of a parent, and not its alias.
    return txn.Insert(std::move(label)).status();
  }),
            absl::StatusCode::kFailedPrecondition);
}

TYPED_TEST(KindsTest, SetGivesANewChildItsForeignKey) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    const auto profile =
        txn.Set(of(txn, 1), ParentModel::profile, Fixture::template New<typename K::Profile>(5));
    EXPECT_EQ(of(txn, 1).profile(), *profile);
    EXPECT_EQ(profile->parent(), of(txn, 1));
    return txn.Set(of(txn, 2), ParentModel::badge, Fixture::template New<typename K::Badge>(6))
        .status();
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 1).profile()), 5);
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 2).badge()), 6);
  EXPECT_EQ(of(snapshot, 2).badge().parent(), of(snapshot, 2));
  EXPECT_FALSE(of(snapshot, 3).badge());
}

TYPED_TEST(KindsTest, SetReplacesTheChildThatWasShown) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    for (int n : {5, 6}) {
      if (auto s = txn.Set(of(txn, 1), ParentModel::profile,
                           Fixture::template New<typename K::Profile>(n))
                       .status();
          !s.ok()) {
        return s;
      }
      if (auto s =
              txn.Set(of(txn, 1), ParentModel::card, Fixture::template New<typename K::Card>(n))
                  .status();
          !s.ok()) {
        return s;
      }
    }
    return absl::OkStatus();
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 1).profile()), 6);
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 1).card()), 6);
  // An optional foreign key is emptied, a child with a required one goes.
  EXPECT_FALSE(K::HasParent(*Fixture::template Find<typename K::Profile>(snapshot, 5)));
  EXPECT_FALSE(Fixture::template Find<typename K::Card>(snapshot, 5));
}

TYPED_TEST(KindsTest, SetTakesAChildFromAnotherParent) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    auto card = txn.Set(of(txn, 1), ParentModel::card, Fixture::template New<typename K::Card>(5));
    if (!card.ok()) return card.status();
    return txn.Set(of(txn, 2), ParentModel::card, *card).status();
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_FALSE(of(snapshot, 1).card());
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 2).card()), 5);
}

TYPED_TEST(KindsTest, ASecondChildOfAHasOneIsRefused) {
  KIN_USE_FIXTURE;
  this->Write([](Transaction& txn) -> absl::Status {
    if (auto s = txn.Insert(Fixture::template NewOf<typename K::Card>(5, 1)).status(); !s.ok()) {
      return s;
    }
    EXPECT_EQ(txn.Insert(Fixture::template NewOf<typename K::Card>(6, 1)).status().code(),
              absl::StatusCode::kAlreadyExists);
    auto other = txn.Insert(Fixture::template NewOf<typename K::Card>(6, 2));
    EXPECT_EQ(txn.Update(*other, [](auto& card) { K::ParentId(card, 1); }).status().code(),
              absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(txn.Upsert(Fixture::template NewOf<typename K::Card>(6, 1)).status().code(),
              absl::StatusCode::kAlreadyExists);
    return absl::OkStatus();
  });
}

TYPED_TEST(KindsTest, ClearDetachesTheChild) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    EXPECT_EQ(txn.Clear(of(txn, 1), ParentModel::profile), absl::OkStatus());  // None is there.
    EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Profile>(5, 1)).ok());
    EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Card>(5, 1)).ok());
    EXPECT_EQ(txn.Clear(of(txn, 1), ParentModel::profile), absl::OkStatus());
    return txn.Clear(of(txn, 1), ParentModel::card);
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_FALSE(of(snapshot, 1).profile());
  EXPECT_FALSE(of(snapshot, 1).card());
  EXPECT_EQ(snapshot.template Count<typename K::Profile>(), 1);
  EXPECT_EQ(snapshot.template Count<typename K::Card>(), 0);
}

TYPED_TEST(KindsTest, AddAttachesNewChildrenAndThoseOfOthers) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Item>(7, 2)).ok());
    for (int n : {5, 6}) {
      EXPECT_TRUE(
          txn.Add(of(txn, 1), ParentModel::items, Fixture::template New<typename K::Item>(n)).ok());
      EXPECT_TRUE(
          txn.Add(of(txn, 1), ParentModel::labels, Fixture::template New<typename K::Label>(n))
              .ok());
    }
    return txn.Add(of(txn, 1), ParentModel::items, Fixture::template Find<typename K::Item>(txn, 7))
        .status();
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 1).items()), UnorderedElementsAre(5, 6, 7));
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 1).labels()), UnorderedElementsAre(5, 6));
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 2).items()), IsEmpty());
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 1).first_item()), 5);
}

TYPED_TEST(KindsTest, RemoveDetachesAChild) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    for (int n : {5, 6}) {
      EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Item>(n, 1)).ok());
      EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Part>(n, 1)).ok());
    }
    const auto item = Fixture::template Find<typename K::Item>(txn, 5);
    EXPECT_EQ(txn.Remove(of(txn, 2), ParentModel::items, item).code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(txn.Remove(of(txn, 1), ParentModel::items, item), absl::OkStatus());
    EXPECT_EQ(txn.Remove(of(txn, 1), ParentModel::items, item).code(), absl::StatusCode::kNotFound);
    return txn.Remove(of(txn, 1), ParentModel::parts,
                      Fixture::template Find<typename K::Part>(txn, 5));
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 1).items()), ElementsAre(6));
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 1).parts()), ElementsAre(6));
  EXPECT_EQ(snapshot.template Count<typename K::Item>(), 2);
  EXPECT_EQ(snapshot.template Count<typename K::Part>(), 1);
}

TYPED_TEST(KindsTest, ThroughAddsAndRemovesMiddles) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    auto made =
        txn.Add(of(txn, 1), ParentModel::others, Fixture::template New<typename K::Other>(5));
    if (!made.ok()) return made.status();
    EXPECT_TRUE(txn.Add(of(txn, 2), ParentModel::others, *made).ok());
    EXPECT_TRUE(txn.Add(of(txn, 2), ParentModel::others, *made).ok());  // It is there already.
    EXPECT_TRUE(
        txn.Add(of(txn, 1), ParentModel::others, Fixture::template New<typename K::Other>(6)).ok());
    EXPECT_TRUE(txn.Add(*made, K::OtherModel::parents, of(txn, 3)).ok());
    EXPECT_EQ(txn.template Count<typename K::Join>(), 4);
    return txn.Remove(of(txn, 1), ParentModel::others, *made);
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  const auto other = Fixture::template Find<typename K::Other>(snapshot, 5);
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 1).others()), ElementsAre(6));
  EXPECT_THAT(Fixture::Numbers(other.parents()), UnorderedElementsAre(2, 3));
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 3).any_other()), 5);
  // The far record stays, whoever is taken from it.
  EXPECT_EQ(snapshot.template Count<typename K::Other>(), 2);
}

TYPED_TEST(KindsTest, AModelMayBelongToItself) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    for (int n : {1, 2, 3}) {  // 1 is its own boss.
      auto updated = txn.Update(of(txn, n), [](auto& parent) { K::Boss(parent, 1); });
      if (!updated.ok()) return updated.status();
      EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Item>(n, n)).ok());
    }
    return txn.Insert(Fixture::template NewOf<typename K::Profile>(8, 1)).status();
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 1).reports()), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(Fixture::Numbers(of(snapshot, 1).report_items()), UnorderedElementsAre(1, 2, 3));
  EXPECT_EQ(Fixture::NumberOf(of(snapshot, 3).boss_profile()), 8);
  this->Write([&](Transaction& txn) { return txn.Delete(of(txn, 1)); });
  EXPECT_FALSE(of(this->store_->GetSnapshot(), 3).boss());
}

TYPED_TEST(KindsTest, DeletingAParentActsOnItsChildrenByTheirRules) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Card>(5, 1)).ok());
    EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Profile>(5, 1)).ok());
    EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Item>(5, 1)).ok());
    EXPECT_TRUE(
        txn.Add(of(txn, 1), ParentModel::others, Fixture::template New<typename K::Other>(5)).ok());
    return txn.Insert(Fixture::template NewOf<typename K::Part>(5, 1)).status();
  });
  const auto remove = [&](Transaction& txn) { return txn.Delete(of(txn, 1)); };
  EXPECT_EQ(this->CodeOf(remove), absl::StatusCode::kFailedPrecondition);  // A part restricts it.
  EXPECT_EQ(this->store_->GetSnapshot().template Count<typename K::Card>(), 1);
  this->Write([&](Transaction& txn) -> absl::Status {
    if (auto s = remove(txn); !s.ok()) return s;  // Children last is legal too.
    return txn.Delete(Fixture::template Find<typename K::Part>(txn, 5));
  });
  const Snapshot snapshot = this->store_->GetSnapshot();
  EXPECT_EQ(snapshot.template Count<typename K::Card>(), 0);
  EXPECT_EQ(snapshot.template Count<typename K::Join>(), 0);
  EXPECT_FALSE(K::HasParent(*Fixture::template Find<typename K::Profile>(snapshot, 5)));
  EXPECT_FALSE(K::HasParent(*Fixture::template Find<typename K::Item>(snapshot, 5)));
}

TYPED_TEST(KindsTest, AForeignKeyThatIsChangedMovesTheChild) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(txn.Insert(Fixture::template NewOf<typename K::Item>(5, 1)).ok());
    return txn.Insert(Fixture::template NewOf<typename K::Part>(5, 1)).status();
  });
  const Snapshot old = this->store_->GetSnapshot();
  this->Write([&](Transaction& txn) -> absl::Status {
    const auto move = [](auto& child) { K::ParentId(child, 2); };
    auto moved = txn.Update(Fixture::template Find<typename K::Item>(txn, 5), move);
    if (!moved.ok()) return moved.status();
    return txn.Upsert(Fixture::template NewOf<typename K::Part>(5, 2)).status();
  });
  const Snapshot now = this->store_->GetSnapshot();
  EXPECT_THAT(Fixture::Numbers(of(old, 1).items()), ElementsAre(5));
  EXPECT_THAT(Fixture::Numbers(of(old, 2).items()), IsEmpty());
  EXPECT_THAT(Fixture::Numbers(of(now, 1).items()), IsEmpty());
  EXPECT_THAT(Fixture::Numbers(of(now, 2).items()), ElementsAre(5));
  EXPECT_THAT(Fixture::Numbers(of(now, 2).parts()), ElementsAre(5));
}

TYPED_TEST(KindsTest, AnOwnKeyThatChangesLeavesNoChildBehind) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) {
    return txn.Add(of(txn, 1), ParentModel::labels, Fixture::template New<typename K::Label>(5))
        .status();
  });
  const auto rename = [&](Transaction& txn) {
    return txn.Update(of(txn, 1), [](auto& parent) { K::Alias(parent, 200); }).status();
  };
  EXPECT_EQ(this->CodeOf(rename), absl::StatusCode::kFailedPrecondition);
  this->Write([&](Transaction& txn) -> absl::Status {
    if (auto s = rename(txn); !s.ok()) return s;
    return txn
        .Update(Fixture::template Find<typename K::Label>(txn, 5),
                [](auto& label) { K::Named(label, 200); })
        .status();
  });
  EXPECT_THAT(Fixture::Numbers(of(this->store_->GetSnapshot(), 1).labels()), ElementsAre(5));
}

TYPED_TEST(KindsTest, ResolveGivesWhatTheMethodsGive) {
  KIN_USE_FIXTURE;
  this->Write([&](Transaction& txn) -> absl::Status {
    for (int n = 1; n <= 8; ++n) {
      if (auto s = txn.Insert(Fixture::template NewOf<typename K::Item>(n, n % 2 + 1)).status();
          !s.ok()) {
        return s;
      }
    }
    return txn.Insert(Fixture::template NewOf<typename K::Profile>(5, 2)).status();
  });
  const auto check = [&](const auto& reader) {
    std::vector<typename K::ParentRef> parents = {of(reader, 1), of(reader, 2), of(reader, 3), {}};
    std::vector<Range<typename K::Item>> items(4);
    std::vector<RefOf<typename K::Profile>> profiles(4);
    reader.Resolve(parents, ParentModel::items, absl::MakeSpan(items));
    reader.Resolve(parents, ParentModel::profile, absl::MakeSpan(profiles));
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(Fixture::Numbers(items[i]), Fixture::Numbers(parents[i].items()));
      EXPECT_EQ(profiles[i], parents[i].profile());
    }
  };
  check(this->store_->GetSnapshot());
  this->Write([&](Transaction& txn) {
    check(txn);
    return absl::OkStatus();
  });
}

// An arm of a oneof is one field: there are no composite ones.
template <typename K>
class PolymorphicTest : public ::testing::Test {};
using SingleKinds = ::testing::Types<Int32, Int64, UInt64, String, Bytes, Uuid>;
TYPED_TEST_SUITE(PolymorphicTest, SingleKinds, KindName);

TYPED_TEST(PolymorphicTest, AnArmLeadsToItsModelOnly) {
  using K = TypeParam;
  using Parent = typename K::Parent;
  using Other = typename K::Other;
  using Note = typename K::Note;
  auto store = *Store::Open(
      Schema::Of<Parent, typename K::Profile, typename K::Card, typename K::Item, typename K::Part,
                 typename K::Badge, typename K::Label, Other, typename K::Join, Note>());
  const auto key = [](int n) {
    Note note;
    K::Id(note, n);
    return note.id();
  };
  ASSERT_EQ(store
                ->Write([&](Transaction& txn) -> absl::Status {
                  Parent parent;
                  K::Id(parent, 7);
                  if (auto s = txn.Insert(parent).status(); !s.ok()) return s;
                  Other other;
                  K::Id(other, 7);  // The same key, of another model.
                  if (auto s = txn.Insert(other).status(); !s.ok()) return s;
                  for (int n : {1, 2, 3}) {
                    Note note;
                    K::Id(note, n);
                    if (n == 1) note.set_parent_id(key(7));
                    if (n == 2) note.set_other_id(key(7));
                    if (auto s = txn.Insert(note).status(); !s.ok()) return s;
                  }
                  return absl::OkStatus();
                })
                .status(),
            absl::OkStatus());
  {
    const Snapshot snapshot = store->GetSnapshot();
    const auto one = snapshot.Find<Note>(key(1));
    EXPECT_EQ(std::get<RefOf<Parent>>(one.subject()), snapshot.Find<Parent>(key(7)));
    EXPECT_EQ(std::get<RefOf<Other>>(snapshot.Find<Note>(key(2)).subject()),
              snapshot.Find<Other>(key(7)));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(snapshot.Find<Note>(key(3)).subject()));
    EXPECT_FALSE(one.other());
  }
  // From arm to arm, and a savepoint takes it back.
  ASSERT_EQ(store
                ->Write([&](Transaction& txn) -> absl::Status {
                  const Savepoint before = txn.Savepoint();
                  auto moved = txn.Update(txn.Find<Note>(key(1)),
                                          [&](Note& note) { note.set_other_id(key(7)); });
                  if (!moved.ok()) return moved.status();
                  EXPECT_FALSE(moved->parent());
                  EXPECT_EQ(moved->other(), txn.Find<Other>(key(7)));
                  txn.RollbackTo(before);
                  EXPECT_EQ(txn.Find<Note>(key(1)).parent(), txn.Find<Parent>(key(7)));
                  return absl::OkStatus();
                })
                .status(),
            absl::OkStatus());
  // Each arm has its own delete rule: CASCADE, and NULLIFY.
  ASSERT_EQ(store
                ->Write([&](Transaction& txn) -> absl::Status {
                  if (auto s = txn.Delete(txn.Find<Parent>(key(7))); !s.ok()) return s;
                  return txn.Delete(txn.Find<Other>(key(7)));
                })
                .status(),
            absl::OkStatus());
  const Snapshot snapshot = store->GetSnapshot();
  EXPECT_FALSE(snapshot.Find<Note>(key(1)));
  EXPECT_EQ(snapshot.Find<Note>(key(2))->subject_case(), Note::SUBJECT_NOT_SET);
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
  const absl::Status gone =
      store
          ->Write([&](Transaction& txn) {
            return txn
                .Update(txn.Find<Note>(key(3)), [&](Note& note) { note.set_other_id(key(8)); })
                .status();
          })
          .status();
  EXPECT_EQ(gone.code(), absl::StatusCode::kFailedPrecondition) << gone;
}

TEST(UuidKeyTest, ChildrenFollowAKeyThatTheStoreMade) {
  using namespace kinds_uuid;  // NOLINT
  auto store = *Store::Open(
      Schema::Of<Parent, Profile, Card, Item, Part, Badge, Label, Other, Join, Note>());
  ASSERT_TRUE(store
                  ->Write([](Transaction& txn) -> absl::Status {
                    auto parent = txn.Insert(Parent());
                    if (!parent.ok()) return parent.status();
                    EXPECT_EQ((*parent)->id().size(), 36u);
                    for (int i = 0; i < 3; ++i) {
                      auto item = txn.Add(*parent, ParentModel::items, Item());
                      if (!item.ok()) return item.status();
                      EXPECT_EQ(item->parent(), *parent);
                    }
                    EXPECT_EQ(parent->items().size(), 3u);
                    return txn.Add(*parent, ParentModel::others, Other()).status();
                  })
                  .ok());
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
}

}  // namespace
}  // namespace kin
