#include "kin/persistence/json_text.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "kin/persistence/overlay.h"
#include "kin/tests/testing/random_message.h"
#include "tests/persistence/kinds.kin.h"
#include "tests/persistence/old_kinds.kin.h"

namespace kin::persistence {
namespace {

using persistence_test::Kind;
using persistence_test::Kinds;
using persistence_test::OldKinds;
using ::testing::HasSubstr;

template <typename M = Kinds>
std::string Json(const M& record, const std::string& field) {
  return FieldToJson(record, *M::descriptor()->FindFieldByName(field));
}

absl::Status Parse(const std::string& json, const std::string& field, Kinds* record) {
  return FieldFromJson(json, *Kinds::descriptor()->FindFieldByName(field), record);
}

TEST(JsonTextTest, NumbersTextsAndNames) {
  Kinds record;
  Kind* kind = record.mutable_json_kind();
  kind->set_an_int32(-5);
  kind->set_an_int64(std::numeric_limits<std::int64_t>::min());
  kind->set_a_uint64(std::numeric_limits<std::uint64_t>::max());
  kind->set_a_bool(true);
  kind->set_a_float(0.1f);
  kind->set_a_double(-0.0);
  kind->set_a_string(std::string("a\"\\\n\0\xc3\xbc", 7));
  kind->set_some_bytes("\xff\xfe");
  kind->set_a_shade(persistence_test::DARK);
  kind->set_maybe_int32(0);
  kind->set_camelcase(1);
  kind->set_renamed(2);
  EXPECT_EQ(
      Json(record, "json_kind"),
      "{\"an_int32\":-5,\"an_int64\":\"-9223372036854775808\","
      "\"a_uint64\":\"18446744073709551615\",\"a_bool\":true,\"a_float\":0.1,"
      "\"a_double\":-0.0,\"a_string\":\"a\\\"\\\\\\n\\u0000\xc3\xbc\",\"some_bytes\":\"//4=\","
      "\"a_shade\":\"DARK\",\"maybe_int32\":0,\"camelCase\":1,\"renamed\":2}");
}

TEST(JsonTextTest, ListsAndMaps) {
  Kinds record;
  record.add_json_doubles(1.5);
  record.add_json_doubles(std::numeric_limits<double>::quiet_NaN());
  record.add_json_doubles(-std::numeric_limits<double>::infinity());
  EXPECT_EQ(Json(record, "json_doubles"), "[1.5,\"NaN\",\"-Infinity\"]");
  (*record.mutable_json_bytes_map())[5] = "b";
  (*record.mutable_json_bytes_map())[-1] = "a";
  EXPECT_EQ(Json(record, "json_bytes_map"), "{\"-1\":\"YQ==\",\"5\":\"Yg==\"}");
  (*record.mutable_json_kind_map())["x"];
  EXPECT_EQ(Json(record, "json_kind_map"), "{\"x\":{}}");
  (*record.mutable_json_kind()->mutable_shade_map())[true] = persistence_test::LIGHT;
  EXPECT_EQ(Json(record, "json_kind"), "{\"shade_map\":{\"true\":\"LIGHT\"}}");
}

TEST(JsonTextTest, TypesThatEveryoneKnows) {
  Kinds record;
  Kind* kind = record.mutable_json_kind();
  kind->mutable_timestamp()->set_seconds(1709208000);
  kind->mutable_duration()->set_nanos(-5);
  kind->mutable_int32_value()->set_value(7);
  kind->mutable_mask()->add_paths("a_b.c_d");
  kind->mutable_mask()->add_paths("e");
  kind->mutable_empty();
  kind->set_one_null(google::protobuf::NULL_VALUE);
  EXPECT_EQ(Json(record, "json_kind"),
            "{\"one_null\":null,\"timestamp\":\"2024-02-29T12:00:00.000000000Z\","
            "\"duration\":\"-0.000000005s\",\"int32_value\":7,\"mask\":\"aB.cD,e\",\"empty\":{}}");
  auto& fields = *record.mutable_json_struct()->mutable_fields();
  fields["list"].mutable_list_value()->add_values()->set_bool_value(false);
  fields["nothing"].set_null_value(google::protobuf::NULL_VALUE);
  fields["unset"];
  EXPECT_EQ(Json(record, "json_struct"), "{\"list\":[false],\"nothing\":null,\"unset\":null}");
  record.mutable_json_value()->set_number_value(1e300);
  EXPECT_EQ(Json(record, "json_value"), "1e+300");
}

TEST(JsonTextTest, AnyIsShownAsFarAsItsTypeIsKnown) {
  Kinds record;
  EXPECT_EQ((record.mutable_json_any(), Json(record, "json_any")), "{}");
  Kind kind;
  kind.set_an_int32(5);
  record.mutable_json_any()->PackFrom(kind);
  EXPECT_EQ(Json(record, "json_any"),
            "{\"@type\":\"type.googleapis.com/persistence_test.Kind\",\"an_int32\":5}");
  google::protobuf::Duration duration;
  duration.set_seconds(3);
  record.mutable_json_any()->PackFrom(duration);
  EXPECT_EQ(Json(record, "json_any"),
            "{\"@type\":\"type.googleapis.com/google.protobuf.Duration\","
            "\"value\":\"3.000000000s\"}");
  record.mutable_json_any()->set_type_url("nowhere/of.Nothing");
  record.mutable_json_any()->set_value("\xff");
  EXPECT_EQ(Json(record, "json_any"), "{\"@type\":\"nowhere/of.Nothing\",\"value\":\"/w==\"}");
}

TEST(JsonTextTest, AnAnyDeepWithinOthersIsShownByItsBytes) {
  google::protobuf::Any any;
  for (int i = 0; i < 5000; ++i) {
    google::protobuf::Any outer;
    outer.set_type_url("t/google.protobuf.Any");
    outer.set_value(any.SerializeAsString());
    any = outer;
  }
  Kinds record;
  *record.mutable_json_any() = any;
  const std::string json = Json(record, "json_any");
  std::size_t types = 0;
  for (std::size_t at = json.find("@type"); at != std::string::npos;
       at = json.find("@type", at + 1)) {
    ++types;
  }
  EXPECT_EQ(types, 100u);
}

TEST(JsonTextTest, WhatJsonCannotSayHasATextToo) {
  Kinds record;
  record.add_json_durations()->set_seconds(std::numeric_limits<std::int64_t>::max());
  record.mutable_json_durations(0)->set_nanos(-1);
  EXPECT_EQ(Json(record, "json_durations"), "[{\"seconds\":\"9223372036854775807\",\"nanos\":-1}]");
  record.mutable_json_kind()->set_a_shade(static_cast<persistence_test::Shade>(77));
  record.mutable_json_kind()
      ->GetReflection()
      ->MutableUnknownFields(record.mutable_json_kind())
      ->AddVarint(5000, 1);
  EXPECT_EQ(Json(record, "json_kind"), "{\"a_shade\":77}");
  EXPECT_FALSE(IsAllInJson(record, *Kinds::descriptor()->FindFieldByName("json_kind")));
  OldKinds old;
  old.mutable_json_kind()->set_number(1);
  old.mutable_json_kind()->AddExtension(persistence_test::extra_texts, "x");
  EXPECT_EQ(Json(old, "json_kind"), "{\"number\":1}");
  EXPECT_FALSE(IsAllInJson(old, *OldKinds::descriptor()->FindFieldByName("json_kind")));
  old.mutable_jsongroup()->set_grade(persistence_test::LOW_GRADE);
  EXPECT_EQ(Json(old, "jsongroup"), "{\"grade\":\"LOW_GRADE\"}");
}

TEST(JsonTextTest, DeeplyNestedMessages) {
  Kinds record;
  Kind* kind = record.mutable_json_kind();
  for (int i = 0; i < 500; ++i) kind = kind->mutable_kind();
  EXPECT_EQ(Json(record, "json_kind").size(), 500 * std::string("{\"kind\":}").size() + 2);
}

// Protobuf reads what is printed here, and reads the value.
TEST(JsonTextTest, ProtobufReadsItBack) {
  const std::uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  RecordProperty("seed", std::to_string(seed));
  testing::RandomMessages random(seed, {.depth = 3, .beyond_json = false});
  for (int i = 0; i < 300; ++i) {
    Kinds record;
    random.Fill(&record, [](const google::protobuf::FieldDescriptor& field) {
      return field.name().substr(0, 5) != "json_";
    });
    Kinds back;
    for (int k = 0; k < Kinds::descriptor()->field_count(); ++k) {
      const auto* field = Kinds::descriptor()->field(k);
      if (!HasField(record, *field)) continue;
      const std::string json = FieldToJson(record, *field);
      const absl::Status status = FieldFromJson(json, *field, &back);
      ASSERT_TRUE(status.ok()) << status << "\n" << json;
      ASSERT_TRUE(IsAllInJson(record, *field)) << json << "\n" << record.DebugString();
    }
    ASSERT_EQ(testing::FirstDifference(record, back), "") << record.DebugString();
  }
}

// The same text that protobuf prints, but for how many digits a time has.
TEST(JsonTextTest, PrintsAsProtobufDoes) {
  testing::RandomMessages random(7, {.depth = 3, .beyond_json = false});
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  for (int i = 0; i < 300; ++i) {
    Kinds record;
    random.Fill(record.mutable_json_kind(), [](const google::protobuf::FieldDescriptor& field) {
      return field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE ||
             field.cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING ||
             field.name().find("loat") != std::string::npos ||
             field.name().find("double") != std::string::npos;
    });
    std::string theirs;
    ASSERT_TRUE(
        google::protobuf::util::MessageToJsonString(record.json_kind(), &theirs, options).ok());
    EXPECT_EQ(Json(record, "json_kind"), theirs);
  }
}

TEST(JsonTextTest, WhatIsNoValueOfTheFieldIsRefused) {
  for (const std::string json : {"",
                                 " ",
                                 "{",
                                 "}",
                                 "{}}",
                                 "[]",
                                 "5",
                                 "\"x\"",
                                 "nul",
                                 "{\"nowhere\":1}",
                                 "{\"an_int32\":1.5}",
                                 "{\"an_int32\":99999999999}",
                                 "{\"a_shade\":\"NONE\"}",
                                 "{\"timestamp\":\"yesterday\"}",
                                 "{},\"id\":5",
                                 "{} {}",
                                 "{\"an_int32\":1}\n,\n\"id\":5",
                                 "{\"some_bytes\":\"%\"}",
                                 "{\"a_string\":\"\xff\"}",
                                 "\"",
                                 "{\"a_string\":\"}"}) {
    Kinds record;
    EXPECT_EQ(Parse(json, "json_kind", &record).code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_EQ(record.ByteSizeLong(), 0u) << json;
  }
  Kinds record;
  EXPECT_THAT(Parse("{\"nowhere\":1}", "json_kind", &record).message(), HasSubstr("nowhere"));
}

TEST(JsonTextTest, OtherSpellingsAreRead) {
  Kinds record;
  ASSERT_TRUE(Parse(" { \"anInt32\" : 5, \"a_int64\": 6 } ", "json_kind", &record).code() ==
              absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(Parse(" { \"anInt32\" : 5, \"an_int64\": 6 } ", "json_kind", &record).ok());
  EXPECT_EQ(record.json_kind().an_int32(), 5);
  EXPECT_EQ(record.json_kind().an_int64(), 6);
  ASSERT_TRUE(Parse("null", "json_kinds", &record).ok());
  EXPECT_EQ(record.json_kinds_size(), 0);
  ASSERT_TRUE(Parse("[1e2,\"NaN\"]", "json_doubles", &record).ok());
  EXPECT_EQ(record.json_doubles_size(), 2);
}

}  // namespace
}  // namespace kin::persistence
