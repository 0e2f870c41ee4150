// Mistakes in belongs_to, has_one and has_many.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/protos.h"

namespace kin::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// `text` beside a model User with key `int64 id` and a composite-keyed Place.
std::string WithUser(absl::string_view text) {
  return absl::StrCat(R"(
      message User { option (kin.model) = {}; int64 id = 1; string email = 2; }
      message Place {
        option (kin.model) = { primary_key: ["row", "seat"] };
        int32 row = 1;
        int32 seat = 2;
      }
)",
                      text);
}

TEST(BelongsToTest, ANameComesFromTheField) {
  EXPECT_THAT(
      Diagnose(WithUser(R"(
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        int64 user = 2 [/*!*/(kin.field).belongs_to = {}];
      })")),
      ElementsAre("the belongs_to of \"user\" needs a name, since the field does not end in "
                  "\"_id\"; write belongs_to = { name: \"…\" }, or call the field \"user_id\""));
}

TEST(BelongsToTest, TheModelExists) {
  EXPECT_THAT(Diagnose(WithUser(R"(
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        int64 a_id = 2 [/*!*/(kin.field).belongs_to = { model: "Usr" }];
        int64 author_id = 3 [/*!*/(kin.field).belongs_to = {}];
        int64 b_id = 4 [/*!*/(kin.field).belongs_to.model = "Whatever"];
      })")),
              ElementsAre("belongs_to \"a\": there is no model \"Usr\"; did you mean \"User\"?",
                          "belongs_to \"author\": there is no model \"Author\", as its name says; "
                          "write model: \"…\"",
                          "belongs_to \"b\": there is no model \"Whatever\""));
}

TEST(BelongsToTest, TheForeignKeyHasTheTypeOfTheKey) {
  EXPECT_THAT(
      Diagnose(WithUser(R"(
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        /*!*/int32 a_id = 2 [(kin.field).belongs_to = { model: "User" }];
        /*!*/uint64 b_id = 3 [(kin.field).belongs_to = { model: "User" }];
        /*!*/string c_id = 4 [(kin.field).belongs_to = { model: "User" }];
        sfixed64 d_id = 5 [(kin.field).belongs_to = { model: "User" }];
        /*!*/bytes e_id = 6 [(kin.field).belongs_to = { model: "User" own_key: "email" }];
      })")),
      ElementsAre(
          "belongs_to \"a\": the foreign key p.Post.a_id is int32, but the key p.User.id is "
          "int64; give both one type",
          "belongs_to \"b\": the foreign key p.Post.b_id is uint64, but the key p.User.id is "
          "int64; give both one type",
          "belongs_to \"c\": the foreign key p.Post.c_id is string, but the key p.User.id is "
          "int64; give both one type",
          "belongs_to \"e\": the foreign key p.Post.e_id is bytes, but the key p.User.email "
          "is string; give both one type"));
}

TEST(BelongsToTest, RepeatedAndMessageFieldsCannotBeForeignKeys) {
  EXPECT_THAT(
      Diagnose(WithUser(R"(
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        repeated /*!*/int64 user_ids = 2 [(kin.field).belongs_to = { name: "user" }];
        /*!*/User owner_id = 3 [(kin.field).belongs_to = { model: "User" }];
      })")),
      ElementsAre("belongs_to \"user\": \"user_ids\" of p.Post is repeated int64 and cannot be a "
                  "foreign key; p.User.id is int64",
                  "belongs_to \"owner\": \"owner_id\" of p.Post is message p.User and cannot be a "
                  "foreign key; p.User.id is int64"));
}

TEST(BelongsToTest, ACompositeKeyNeedsAsManyFields) {
  EXPECT_THAT(
      Diagnose(WithUser(R"(
      message Ticket {
        /*!*/option (kin.model).belongs_to = { name: "place" foreign_key: ["row"] };
        option (kin.model).belongs_to = { name: "at" model: "Place" foreign_key: ["row", "seat"] };
        int64 id = 1;
        int32 row = 2;
        int32 seat = 3;
        /*!*/int32 place_id = 4 [(kin.field).belongs_to = { name: "other" model: "Place" }];
      })")),
      ElementsAre(
          "belongs_to \"place\": the foreign key of p.Ticket has 1 field (\"row\"), but the "
          "primary key of p.Place has 2 (\"row\" and \"seat\"); write as many fields in "
          "foreign_key, in the same order",
          "belongs_to \"other\": the foreign key of p.Ticket has 1 field (\"place_id\"), but "
          "the primary key of p.Place has 2 (\"row\" and \"seat\"); write a belongs_to with "
          "foreign_key: [ … ] in (kin.model)"));
}

TEST(BelongsToTest, TheForeignKeyIsTheFieldOrIsNamed) {
  EXPECT_THAT(
      Diagnose(WithUser(R"(
      message Post {
        /*!*/option (kin.model).belongs_to = { name: "owner" model: "User" };
        /*!*/option (kin.model).belongs_to = { name: "editor" model: "User" foreign_key: "editr_id" };
        /*!*/option (kin.model).belongs_to = { model: "Place" foreign_key: ["row", "seat"] };
        int64 id = 1;
        int64 user_id = 2 [/*!*/(kin.field).belongs_to = { foreign_key: "user_id" }];
        int64 editor_id = 3;
        int32 row = 4;
        int32 seat = 5;
      })")),
      ElementsAre(
          "belongs_to \"owner\" has no foreign_key; write foreign_key: [ … ] with fields of "
          "p.Post",
          "belongs_to \"editor\": foreign_key: p.Post has no field \"editr_id\"; did you mean "
          "\"editor_id\"?",
          "a belongs_to of p.Post has no name; write name: \"…\", in lower case",
          "the belongs_to of \"user_id\" cannot have foreign_key, which is this field; remove "
          "it, or write the belongs_to in (kin.model)"));
}

TEST(BelongsToTest, OwnKeyNamesFieldsThatCanBeAKey) {
  EXPECT_THAT(Diagnose(R"(
      message User {
        option (kin.model) = {};
        int64 id = 1;
        string email = 2;
        double score = 3;
      }
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        string a_id = 2 [/*!*/(kin.field).belongs_to = { model: "User" own_key: "emial" }];
        double b_id = 3 [/*!*/(kin.field).belongs_to = { model: "User" own_key: "score" }];
      })"),
              ElementsAre("belongs_to \"a\": own_key: p.User has no field \"emial\"; did you mean "
                          "\"email\"?",
                          "belongs_to \"b\": own_key: \"score\" of p.User is double; a key is of "
                          "integers, string or bytes"));
}

TEST(BelongsToTest, NullifyNeedsAnOptionalForeignKey) {
  EXPECT_THAT(
      Diagnose(WithUser(R"(
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        int64 user_id = 2 [/*!*/(kin.field).belongs_to = { on_delete: NULLIFY }];
        optional int64 a_id = 3 [(kin.field).belongs_to = { model: "User" on_delete: NULLIFY }];
      }
      message Profile {
        option (kin.model) = { primary_key: "user_id" };
        int64 user_id = 1 [/*!*/(kin.field).belongs_to = { on_delete: NULLIFY }];
      })")),
      ElementsAre(
          "belongs_to \"user\": NULLIFY needs a foreign key that may be absent, and "
          "\"user_id\" is required; write \"optional int64 user_id\", or on_delete: RESTRICT "
          "or CASCADE",
          "belongs_to \"user\": NULLIFY needs a foreign key that may be absent, and "
          "\"user_id\" is required; write on_delete: RESTRICT or CASCADE"));
}

TEST(BelongsToTest, FieldsAreOneForeignKeyAtMost) {
  EXPECT_THAT(
      Diagnose(WithUser(R"(
      message Post {
        /*!*/option (kin.model).belongs_to = { name: "owner" model: "User" foreign_key: "user_id" };
        int64 id = 1;
        int64 user_id = 2 [(kin.field).belongs_to = {}];
      })")),
      ElementsAre("belongs_to \"owner\": \"user_id\" has a belongs_to already; remove one"));
}

TEST(HasTest, TheForeignKeyExists) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        /*!*/option (kin.model).has_many = { name: "posts" model: "Post" };
        /*!*/option (kin.model).has_many = { name: "drafts" model: "Post" foreign_key: "autor_id" };
        /*!*/option (kin.model).has_one = { name: "place" };
        int64 id = 1;
      }
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        int64 author_id = 2 [(kin.field).belongs_to = { model: "User" }];
      }
      message Place { option (kin.model) = {}; int64 id = 1; })"),
      ElementsAre(
          "has_many \"posts\": p.Post has no field \"user_id\", which is the default; write "
          "foreign_key: \"author_id\"",
          "has_many \"drafts\": foreign_key: p.Post has no field \"autor_id\"; did you mean "
          "\"author_id\"?",
          "has_one \"place\": p.Place has no field \"user_id\", which is the default; write "
          "foreign_key: \"…\""));
}

TEST(HasTest, TheForeignKeyHasTheTypeOfTheKey) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        /*!*/option (kin.model) = { has_many: { name: "posts" } };
        int64 id = 1;
      }
      message Post { option (kin.model) = {}; int64 id = 1; int32 user_id = 2; })"),
      ElementsAre("has_many \"posts\": the foreign key p.Post.user_id is int32, but the key "
                  "p.User.id is int64; give both one type"));
}

TEST(HasTest, AMistakeInTheForeignKeyIsSaidOnce) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        option (kin.model) = { has_many: { name: "posts" } };
        int64 id = 1;
      }
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        /*!*/int32 user_id = 2 [(kin.field).belongs_to = {}];
      })"),
      ElementsAre("belongs_to \"user\": the foreign key p.Post.user_id is int32, but the key "
                  "p.User.id is int64; give both one type"));
}

TEST(HasTest, AForeignKeyHasOneParent) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        /*!*/option (kin.model).has_many = { name: "posts" foreign_key: "group_id" };
        /*!*/option (kin.model).has_many = { name: "mails" foreign_key: "to" own_key: "email" };
        int64 id = 1;
        string email = 2;
        string other_email = 3;
      }
      message Group { option (kin.model) = {}; int64 id = 1; }
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        int64 group_id = 2 [(kin.field).belongs_to = {}];
      }
      message Mail {
        option (kin.model).belongs_to = {
          name: "receiver" model: "User" foreign_key: "to" own_key: "other_email" };
        int64 id = 1;
        string to = 2;
      })"),
      ElementsAre(
          "has_many \"posts\": the foreign key \"group_id\" of p.Post already holds \"id\" of "
          "p.Group, and cannot hold \"id\" of p.User; write another foreign_key",
          "has_many \"mails\": the foreign key \"to\" of p.Mail already holds \"other_email\" "
          "of p.User, and cannot hold \"email\" of p.User; write another foreign_key"));
}

TEST(HasTest, AHasOneBesideAHasManyIsNotUnique) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        /*!*/option (kin.model).has_one = { name: "first_post" model: "Post" };
        option (kin.model).has_one = { name: "lowest_post" model: "Post" unique: false };
        option (kin.model).has_many = { name: "posts" };
        int64 id = 1;
      }
      message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; })"),
      ElementsAre(
          "has_one \"first_post\" makes the foreign key \"user_id\" of p.Post unique, but "
          "has_many \"posts\" has many over it; write unique: false, to show the child with "
          "the lowest key, or remove one of the two"));
}

TEST(HasTest, UniqueIsForHasOne) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        /*!*/option (kin.model).has_many = { name: "posts" unique: true };
        int64 id = 1;
      }
      message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; })"),
      ElementsAre("has_many \"posts\" cannot have unique, which is for has_one; remove it, or "
                  "write has_one"));
}

TEST(NameTest, ANameIsALowerCaseIdentifier) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        /*!*/option (kin.model).has_many = { model: "Post" };
        /*!*/option (kin.model).has_many = { name: "Posts" model: "Post" };
        /*!*/option (kin.model).has_one = { name: "2nd" model: "Post" unique: false };
        /*!*/option (kin.model).has_many = { name: "_posts" model: "Post" };
        /*!*/option (kin.model).has_many = { name: "my__posts" model: "Post" };
        /*!*/option (kin.model).has_many = { name: "posts_" model: "Post" };
        /*!*/option (kin.model).has_many = { name: "" model: "Post" };
        option (kin.model).has_many = { name: "posts2_of_class" model: "Post" };
        int64 id = 1;
      }
      message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; })"),
      ElementsAre(
          "a has_many of p.User has no name; write name: \"…\", in lower case",
          "\"Posts\" cannot be the name of a has_many; write lower-case letters, digits and "
          "single underscores between them, as in \"blog_posts\"",
          "\"2nd\" cannot be the name of a has_one; write lower-case letters, digits and "
          "single underscores between them, as in \"blog_post\"",
          "\"_posts\" cannot be the name of a has_many; write lower-case letters, digits and "
          "single underscores between them, as in \"blog_posts\"",
          "\"my__posts\" cannot be the name of a has_many; write lower-case letters, digits "
          "and single underscores between them, as in \"blog_posts\"",
          "\"posts_\" cannot be the name of a has_many; write lower-case letters, digits and "
          "single underscores between them, as in \"blog_posts\"",
          "a has_many of p.User has no name; write name: \"…\", in lower case"));
}

TEST(NameTest, AnAccessorOfProtobufIsALegalName) {
  EXPECT_THAT(Diagnose(R"(
      message User {
        option (kin.model) = {
          has_many: { name: "descriptor" model: "Post" }
          has_many: { name: "clear" model: "Post" }
          has_many: { name: "has_email" model: "Post" }
          has_many: { name: "swap" model: "Post" }
          has_many: { name: "class" model: "Post" }
        };
        int64 id = 1;
        optional string email = 2;
      }
      message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; })"),
              IsEmpty());
}

}  // namespace
}  // namespace kin::graph
