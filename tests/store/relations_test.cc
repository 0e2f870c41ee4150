// belongs_to, has_many, has_one and has_many through, as the manual of Clear describes them.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/people.kin.h"
#include "tests/store/relations.kin.h"

namespace kin {
namespace {

using ::people::v1::User;
using ::people::v1::UserInfo;
using ::people::v1::UserInfoModel;
using ::people::v1::UserModel;
using ::people::v1::UserRef;
using ::relations::Category;
using ::relations::CategoryModel;
using ::relations::CategoryRef;
using ::relations::Post;
using ::relations::PostModel;
using ::relations::PostRef;
using ::relations::PostTag;
using ::relations::Shelf;
using ::relations::ShelfModel;
using ::relations::Tag;
using ::relations::TagModel;
using ::relations::TagRef;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class RelationsTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    EXPECT_EQ(store_->Write(body).status(), absl::OkStatus());
  }
  absl::Status WriteStatus(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return store_->Write(body).status();
  }
  static CategoryRef NewCategory(Transaction& txn, const std::string& name) {
    Category category;
    category.set_name(name);
    return txn.Insert(std::move(category)).value();
  }
  static Post NewPost(const std::string& name, std::int64_t category = 0) {
    Post post;
    post.set_name(name);
    post.set_category_id(category);
    return post;
  }
  // The tag of that name, made if it is not there.
  static TagRef FindOrCreateTag(Transaction& txn, const std::string& name) {
    if (TagRef tag = txn.FindBy(TagModel::name, name)) return tag;
    Tag tag;
    tag.set_name(name);
    return txn.Insert(std::move(tag)).value();
  }
  template <typename Range>
  static std::vector<std::string> Names(const Range& range) {
    std::vector<std::string> names;
    for (const auto ref : range) names.push_back(ref->name());
    return names;
  }

  std::unique_ptr<Store> store_ =
      *Store::Open(Schema::Of<User, UserInfo, Category, Post, Tag, PostTag, Shelf>());
};

// --- belongs_to ---

TEST_F(RelationsTest, APostBelongsToTheCategoryThatItsForeignKeyNames) {
  Write([](Transaction& txn) -> absl::Status {
    const CategoryRef technology = NewCategory(txn, "Technology");
    return txn.Insert(NewPost("Hello", technology->id())).status();
  });
  const Snapshot snapshot = store_->GetSnapshot();
  const PostRef post = snapshot.Find<Post>(1);
  EXPECT_EQ(post.category()->name(), "Technology");
  EXPECT_EQ(post.category(), snapshot.FindBy(CategoryModel::name, "Technology"));
  EXPECT_FALSE(post->has_content());
}

TEST_F(RelationsTest, ABelongsToThatIsNotOptionalNeedsItsParent) {
  const absl::Status status =
      WriteStatus([](Transaction& txn) { return txn.Insert(NewPost("Lost", 7)).status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("relations.Post(1).category_id: there is no relations.Category with id 7"));
}

TEST_F(RelationsTest, ABelongsToMayHaveAnotherNameAndLeadToAnotherPackage) {
  Write([](Transaction& txn) -> absl::Status {
    User ada;
    ada.set_name("Ada");
    const UserRef user = txn.Insert(std::move(ada)).value();
    Post post = NewPost("Notes", NewCategory(txn, "Science")->id());
    post.set_written_by(user->id());
    return txn.Insert(std::move(post)).status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<Post>(1).author()->name(), "Ada");
  // It is optional: a user that goes leaves the post.
  Write([](Transaction& txn) { return txn.Delete(txn.Find<User>(1)); });
  EXPECT_FALSE(store_->GetSnapshot().Find<Post>(1)->has_written_by());
}

// `primary: true` there: the foreign key is the key.
TEST_F(RelationsTest, AForeignKeyMayBeTheKey) {
  Write([](Transaction& txn) -> absl::Status {
    const UserRef ada = txn.Insert(User()).value();
    UserInfo info;
    info.set_user_id(ada->id());
    info.set_phone("1");
    return txn.Insert(std::move(info)).status();
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<UserInfo>(1).user(), snapshot.Find<User>(1));
}

// --- has_many ---

TEST_F(RelationsTest, ACategoryHasThePostsThatNameIt) {
  Write([](Transaction& txn) -> absl::Status {
    const CategoryRef technology = NewCategory(txn, "Technology");
    const CategoryRef nothing = NewCategory(txn, "Nothing");
    EXPECT_TRUE(nothing.posts().empty());
    for (const char* name : {"One", "Two"}) {
      if (auto s = txn.Insert(NewPost(name, technology->id())).status(); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
  const Snapshot snapshot = store_->GetSnapshot();
  const CategoryRef technology = snapshot.FindBy(CategoryModel::name, "Technology");
  EXPECT_THAT(Names(technology.posts()), UnorderedElementsAre("One", "Two"));
  EXPECT_EQ(technology.posts().size(), 2u);
  EXPECT_THAT(Names(snapshot.FindBy(CategoryModel::name, "Nothing").posts()), IsEmpty());
}

// `<<` there.
TEST_F(RelationsTest, APostThatIsAddedIsStoredWithItsForeignKey) {
  Write([](Transaction& txn) {
    return txn.Add(NewCategory(txn, "Technology"), CategoryModel::posts, NewPost("A good post"))
        .status();
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Post>(1)->category_id(), 1);
  EXPECT_THAT(Names(snapshot.Find<Category>(1).posts()), UnorderedElementsAre("A good post"));
}

// `foreign_key` and `own_key` there.
TEST_F(RelationsTest, AHasManyMayGoByAnotherFieldThanTheKey) {
  Write([](Transaction& txn) -> absl::Status {
    Shelf shelf;
    shelf.set_label("top");
    const auto top = txn.Insert(std::move(shelf)).value();
    const auto post =
        txn.Add(top, ShelfModel::posts, NewPost("Up", NewCategory(txn, "Books")->id()));
    EXPECT_EQ((*post)->shelf_label(), "top");
    return post.status();
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Post>(1).shelf()->label(), "top");
  EXPECT_THAT(Names(snapshot.Find<Shelf>(1).posts()), UnorderedElementsAre("Up"));
}

// --- has_one ---

TEST_F(RelationsTest, AUserHasAnInfoOrNone) {
  Write([](Transaction& txn) { return txn.Insert(User()).status(); });
  EXPECT_FALSE(store_->GetSnapshot().Find<User>(1).user_info());
  Write([](Transaction& txn) {
    UserInfo info;
    info.set_phone("1");
    return txn.Set(txn.Find<User>(1), UserModel::user_info, std::move(info)).status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<User>(1).user_info()->phone(), "1");
  // The info's key is the user's, so that it is the same record with other contents.
  Write([](Transaction& txn) {
    UserInfo info;
    info.set_user_id(1);
    info.set_phone("2");
    return txn.Set(txn.Find<User>(1), UserModel::user_info, std::move(info)).status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<User>(1).user_info()->phone(), "2");
  Write([](Transaction& txn) { return txn.Delete(txn.Find<User>(1)); });
  EXPECT_EQ(store_->GetSnapshot().Count<UserInfo>(), 0);
}

// --- has_many through ---

TEST_F(RelationsTest, TagsAreAddedThroughTheMiddleAndUnlinked) {
  Write([](Transaction& txn) -> absl::Status {
    const auto post =
        txn.Add(NewCategory(txn, "News"), CategoryModel::posts, NewPost("My new post"));
    for (const char* tag : {"Technology", "Crystal", "Technology"}) {
      if (auto s = txn.Add(*post, PostModel::tags, FindOrCreateTag(txn, tag)).status(); !s.ok()) {
        return s;
      }
    }
    return absl::OkStatus();
  });
  {
    const Snapshot snapshot = store_->GetSnapshot();
    EXPECT_THAT(Names(snapshot.Find<Post>(1).tags()),
                UnorderedElementsAre("Technology", "Crystal"));
    EXPECT_THAT(Names(snapshot.FindBy(TagModel::name, "Crystal").posts()),
                UnorderedElementsAre("My new post"));
  }
  Write([](Transaction& txn) {
    return txn.Remove(txn.Find<Post>(1), PostModel::tags, txn.FindBy(TagModel::name, "Technology"));
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_THAT(Names(snapshot.Find<Post>(1).tags()), UnorderedElementsAre("Crystal"));
  EXPECT_TRUE(snapshot.FindBy(TagModel::name, "Technology"));  // Unlinked, not deleted.
}

TEST_F(RelationsTest, TheMiddleGoesWithEitherEnd) {
  Write([](Transaction& txn) -> absl::Status {
    const CategoryRef news = NewCategory(txn, "News");
    for (const char* name : {"a", "b"}) {
      const auto post = txn.Add(news, CategoryModel::posts, NewPost(name));
      for (const char* tag : {"x", "y"}) {
        if (auto s = txn.Add(*post, PostModel::tags, FindOrCreateTag(txn, tag)).status(); !s.ok()) {
          return s;
        }
      }
    }
    return absl::OkStatus();
  });
  Write([](Transaction& txn) -> absl::Status {
    if (auto s = txn.Delete(txn.FindBy(TagModel::name, "x")); !s.ok()) return s;
    return txn.Delete(txn.Find<Post>(2));
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Count<PostTag>(), 1);
  EXPECT_THAT(Names(snapshot.Find<Post>(1).tags()), UnorderedElementsAre("y"));
}

// A whole graph in any order, checked at commit with every violation.
TEST_F(RelationsTest, AGraphIsInsertedInAnyOrderAndJudgedAtCommit) {
  Write([](Transaction& txn) -> absl::Status {
    PostTag link;
    link.set_post_id(10);
    link.set_tag_id(20);
    if (auto s = txn.Insert(link).status(); !s.ok()) return s;
    Post post = NewPost("p", 30);
    post.set_id(10);
    if (auto s = txn.Insert(post).status(); !s.ok()) return s;
    Category category;
    category.set_id(30);
    if (auto s = txn.Insert(category).status(); !s.ok()) return s;
    Tag tag;
    tag.set_id(20);
    return txn.Insert(tag).status();
  });
  const absl::Status status = WriteStatus([](Transaction& txn) -> absl::Status {
    PostTag link;
    link.set_post_id(99);
    link.set_tag_id(21);
    EXPECT_TRUE(txn.Insert(link).ok());
    EXPECT_TRUE(txn.Insert(NewPost("q", 31)).ok());
    return txn.Delete(txn.Find<Category>(30));
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  for (const char* violation : {"PostTag(99, 21).post_id", "PostTag(99, 21).tag_id", "category_id",
                                "relations.Category(30): it cannot be deleted"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(violation));
  }
}

}  // namespace
}  // namespace kin
