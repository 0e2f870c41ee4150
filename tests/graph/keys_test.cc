// Mistakes in keys, indexes and single fields.
#include "gmock/gmock.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/protos.h"

namespace kin::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(KeyTest, AModelNeedsAKey) {
  EXPECT_THAT(Diagnose(R"(
      message /*!*/User { option (kin.model) = {}; string email = 1; })"),
              ElementsAre("the model p.User has no key; write a field \"int64 id\", or name the "
                          "fields of the key: primary_key: [\"email\"]"));
}

TEST(KeyTest, APrimaryKeyNamesFields) {
  EXPECT_THAT(Diagnose(R"(
      message User {
        /*!*/option (kin.model) = { primary_key: ["emial"] };
        string email = 1;
      })"),
              ElementsAre("primary_key: p.User has no field \"emial\"; did you mean \"email\"?"));
}

TEST(KeyTest, APrimaryKeyNamesEachFieldOnce) {
  EXPECT_THAT(Diagnose(R"(
      message User {
        option (kin.model).table = "u";
        option (kin.model).primary_key = "a";
        /*!*/option (kin.model).primary_key = "a";
        int64 a = 1;
      })"),
              ElementsAre("primary_key names the field \"a\" twice; remove one"));
}

TEST(KeyTest, AKeyHasAtMostEightParts) {
  EXPECT_THAT(Diagnose(R"(
      message Wide {
        /*!*/option (kin.model) = { primary_key: ["a", "b", "c", "d", "e", "f", "g", "h", "i"] };
        int32 a = 1; int32 b = 2; int32 c = 3; int32 d = 4; int32 e = 5; int32 f = 6; int32 g = 7;
        int32 h = 8; int32 i = 9;
      })"),
              ElementsAre("primary_key has 9 fields, and may have at most 8"));
}

TEST(KeyTest, AKeyIsOfIntegersStringOrBytes) {
  EXPECT_THAT(
      Diagnose(R"(
      enum Kind { NONE = 0; }
      message A { option (kin.model) = {}; /*!*/float id = 1; }
      message B { option (kin.model) = {}; /*!*/bool id = 1; }
      message C { option (kin.model) = {}; /*!*/Kind id = 1; }
      message D { option (kin.model) = {}; /*!*/A id = 1; }
      message E { option (kin.model) = {}; repeated /*!*/string id = 1; }
      message F { option (kin.model) = {}; /*!*/map<int32, int32> id = 1; })"),
      ElementsAre(
          "\"id\" is float and cannot be in the key of p.A; a key is of integers, string or "
          "bytes",
          "\"id\" is bool and cannot be in the key of p.B; a key is of integers, string or "
          "bytes",
          "\"id\" is enum p.Kind and cannot be in the key of p.C; a key is of integers, "
          "string or bytes",
          "\"id\" is message p.A and cannot be in the key of p.D; a key is of integers, "
          "string or bytes",
          "\"id\" is repeated string and cannot be in the key of p.E; a key is of integers, "
          "string or bytes",
          "\"id\" is map and cannot be in the key of p.F; a key is of integers, string or "
          "bytes"));
}

TEST(KeyTest, AKeyCannotBeAbsent) {
  EXPECT_THAT(Diagnose(R"(
      message A { option (kin.model) = {}; /*!*/optional int64 id = 1; }
      message B { option (kin.model) = {}; oneof key { /*!*/int64 id = 7; } })"),
              ElementsAre("\"id\" is in the key of p.A and so cannot be absent; write \"int64 id = "
                          "1\"",
                          "\"id\" is in the key of p.B and so cannot be absent; move it out of the "
                          "oneof \"key\""));
}

TEST(KeyTest, OptionalOfProto2CannotBeAKey) {
  EXPECT_THAT(
      Protos()
          .Add("two.proto", R"(import "kin/options.proto";
      message A { option (kin.model) = {}; /*!*/optional int64 id = 1; }
      message B { option (kin.model) = {}; required int64 id = 1; })")
          .Diagnose("two.proto"),
      ElementsAre("\"id\" is in the key of A and so cannot be absent; write \"required int64 "
                  "id = 1\""));
}

TEST(KeyTest, WhatNeedsAMistakenKeyIsSilent) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        option (kin.model) = { has_many: { name: "posts" model: "Post" } };
        /*!*/double id = 1;
      }
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        int64 user_id = 2 [(kin.field).belongs_to = {}];
      })"),
      ElementsAre("\"id\" is double and cannot be in the key of p.User; a key is of integers, "
                  "string or bytes"));
}

TEST(FieldTest, AnIndexIsOfSingularScalars) {
  EXPECT_THAT(
      Diagnose(R"(
      message A {
        option (kin.model) = {};
        int64 id = 1;
        A next = 2 [/*!*/(kin.field).indexed = true];
        repeated string tags = 3 [/*!*/(kin.field).ordered = true];
        map<string, string> texts = 4 [/*!*/(kin.field).unique = true];
        bool flag = 5 [(kin.field).indexed = true];
        double score = 6 [(kin.field).ordered = true];
      })"),
      ElementsAre(
          "\"next\" is message p.A and cannot be indexed; an index is of integers, bool, "
          "enum, float, double, string or bytes",
          "\"tags\" is repeated string and cannot be ordered; an index is of integers, bool, "
          "enum, float, double, string or bytes",
          "\"texts\" is map and cannot be unique; an index is of integers, bool, enum, float, "
          "double, string or bytes"));
}

TEST(FieldTest, AFloatingNumberCannotBeUnique) {
  EXPECT_THAT(
      Diagnose(R"(
      message A {
        option (kin.model) = {};
        int64 id = 1;
        double score = 2 [/*!*/(kin.field) = { unique: true ordered: true }];
      })"),
      ElementsAre("\"score\" is double and cannot be unique, since a NaN equals nothing, not "
                  "even itself; use an integer or a string"));
}

TEST(FieldTest, AUuidIsAKeyOfStringOrBytes) {
  EXPECT_THAT(
      Diagnose(R"(
      message A { option (kin.model) = {}; int64 id = 1 [/*!*/(kin.field).uuid = true]; }
      message B {
        option (kin.model) = {};
        int64 id = 1;
        string token = 2 [/*!*/(kin.field).uuid = true];
      }
      message C { option (kin.model) = {}; bytes id = 1 [(kin.field).uuid = true]; })"),
      ElementsAre(
          "\"id\" is int64 and cannot be a uuid; write \"string id\" or \"bytes id\"",
          "\"token\" is not the key of p.B, and only a key is filled with a uuid; remove uuid, "
          "or write primary_key: [\"token\"]"));
}

TEST(FieldTest, WhatTheStoreFillsInIsNoForeignKeyNorHeldByOne) {
  EXPECT_THAT(Diagnose(R"(
      message Owner {
        option (kin.model) = { has_many: { name: "visits" foreign_key: "since" } };
        int64 id = 1;
        int64 version = 2 [/*!*/(kin.field).lock_version = true];
      }
      message Visit {
        option (kin.model) = {};
        int64 id = 1;
        int64 since = 2 [/*!*/(kin.field).created_at = true];
        int64 owner_version = 3
            [(kin.field).belongs_to = { name: "owner" model: "Owner" own_key: "version" }];
      }
      message Named { option (kin.model) = {}; string id = 1 [(kin.field).uuid = true]; }
      message Note {
        option (kin.model) = { primary_key: "named_id" };
        string named_id = 1 [/*!*/(kin.field) = { uuid: true belongs_to: {} }];
      })"),
              ElementsAre("\"version\" is part of a key and cannot be lock_version, which the "
                          "store changes; use another field",
                          "\"since\" is part of a key and cannot be created_at, which the store "
                          "changes; use another field",
                          "\"named_id\" is a foreign key, which its parent gives a value, and "
                          "cannot be a uuid; remove uuid"));
}

TEST(KeyTest, AForeignKeyCalledIdIsNotAllocated) {
  Protos protos;
  protos.AddTest(R"(
      message User {
        option (kin.model) = { has_one: { name: "info" foreign_key: "id" } };
        int64 id = 1;
      }
      message Info {
        option (kin.model) = {};
        int64 id = 1 [(kin.field).belongs_to = { name: "user" }];
      })");
  const Graph graph = protos.Build();
  EXPECT_TRUE(graph.Find("p.User")->allocates_id);
  EXPECT_FALSE(graph.Find("p.Info")->allocates_id);
}

TEST(FieldTest, JsonIsForWhatSqlCannotRead) {
  Protos protos;
  std::string imports;
  for (const google::protobuf::Descriptor* type :
       {google::protobuf::Timestamp::descriptor(), google::protobuf::Duration::descriptor(),
        google::protobuf::BoolValue::descriptor(), google::protobuf::Struct::descriptor()}) {
    protos.Add(type->file()->name(), type->file()->DebugString());
    imports += "import \"" + type->file()->name() + "\"; ";
  }
  protos.AddTest(R"(
      message Sub {}
      message M {
        option (kin.model) = {};
        int64 id = 1;
        string a = 2 [/*!*/(kin.field).json = true];
        google.protobuf.Timestamp b = 3 [/*!*/(kin.field).json = true];
        google.protobuf.Duration c = 4 [/*!*/(kin.field).json = true];
        google.protobuf.BoolValue d = 5 [/*!*/(kin.field).json = true];
        google.protobuf.Struct e = 6 [(kin.field).json = true];
        google.protobuf.Value f = 7 [(kin.field).json = true];
        Sub g = 8 [(kin.field).json = true];
        repeated int32 h = 9 [(kin.field).json = true];
        repeated google.protobuf.Timestamp i = 10 [(kin.field).json = true];
        map<string, Sub> j = 11 [(kin.field).json = true];
        oneof one { Sub k = 12 [(kin.field).json = true]; }
        bool l = 13 [(kin.field).json = false];
      })",
                 imports);
  EXPECT_THAT(protos.Diagnose(),
              ElementsAre("\"a\" is string and cannot be json, which is for messages, repeated "
                          "fields and maps; remove json",
                          "\"b\" is message google.protobuf.Timestamp, whose column holds a value "
                          "that SQL can read already, and cannot be json; remove json",
                          "\"c\" is message google.protobuf.Duration, whose column holds a value "
                          "that SQL can read already, and cannot be json; remove json",
                          "\"d\" is message google.protobuf.BoolValue, whose column holds a value "
                          "that SQL can read already, and cannot be json; remove json"));
}

TEST(FieldTest, OptionsOutsideAModelAreRefused) {
  EXPECT_THAT(
      Diagnose(R"(
      message Plain {
        int64 id = 1 [/*!*/(kin.field).unique = true];
        message Inner { int64 user_id = 1 [/*!*/(kin.field).belongs_to = {}]; }
      })"),
      ElementsAre(
          "the (kin.field) option of \"id\" has no effect, since p.Plain is not a model; "
          "write \"option (kin.model) = {};\" in it, or remove the option of the field",
          "the (kin.field) option of \"user_id\" has no effect, since p.Plain.Inner is not a "
          "model; write \"option (kin.model) = {};\" in it, or remove the option of the "
          "field"));
}

TEST(FieldTest, OptionsOfAnExtensionAreRefused) {
  EXPECT_THAT(
      Protos()
          .Add("two.proto", R"(import "kin/options.proto";
      message A { option (kin.model) = {}; required int64 id = 1; extensions 100 to 199; }
      extend A { optional int64 x = 100 [/*!*/(kin.field).indexed = true]; })")
          .Diagnose("two.proto"),
      ElementsAre(
          "the (kin.field) option of \"x\" has no effect, since extensions are not fields of a "
          "model; remove it"));
}

TEST(IndexTest, AnIndexHasFieldsThatCanBeIndexed) {
  EXPECT_THAT(
      Diagnose(R"(
      message A {
        /*!*/option (kin.model).index = {};
        /*!*/option (kin.model).index = { fields: ["nam"] };
        /*!*/option (kin.model).index = { fields: ["name", "name"] };
        /*!*/option (kin.model).index = { fields: ["name", "tags"] };
        /*!*/option (kin.model).index = { fields: ["name", "score"] unique: true };
        option (kin.model).index = { fields: ["name", "score"] ordered: true };
        int64 id = 1;
        string name = 2;
        repeated string tags = 3;
        float score = 4;
      })"),
      ElementsAre("an index of p.A has no fields; write fields: [ … ]",
                  "index: p.A has no field \"nam\"; did you mean \"name\"?",
                  "index names the field \"name\" twice; remove one",
                  "index: \"tags\" is repeated string; an index is of integers, bool, enum, float, "
                  "double, string or bytes",
                  "index: \"score\" is float and cannot be in a unique index, since a NaN equals "
                  "nothing, not even itself"));
}

TEST(ModelTest, AGroupCannotBeAModel) {
  EXPECT_THAT(Protos()
                  .Add("two.proto", R"(import "kin/options.proto";
      message A {
        option (kin.model) = {};
        required int64 id = 1;
        optional group Part = 2 { /*!*/option (kin.model) = {}; required int64 id = 1; }
      })")
                  .Diagnose("two.proto"),
              ElementsAre("a group cannot be a model; write a message of its own for \"Part\""));
}

TEST(ModelTest, AnEmptyFileHasNoMistakes) {
  EXPECT_THAT(Protos().Add("empty.proto", "").Diagnose("empty.proto"), IsEmpty());
}

}  // namespace
}  // namespace kin::graph
