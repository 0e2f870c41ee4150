// Every kind of field goes into the database and comes back as it was.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/escaping.h"
#include "google/protobuf/util/message_differencer.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using google::protobuf::util::MessageDifferencer;
using persistence_test::Everything;
using persistence_test::EverythingRef;
using persistence_test::Old;
using persistence_test::Point;
using persistence_test::Unsigned;
using ::testing::HasSubstr;

template <typename Float, typename Bits>
Float FromBits(Bits bits) {
  Float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
template <typename Bits, typename Float>
Bits ToBits(Float value) {
  Bits bits;
  std::memcpy(&bits, &value, sizeof(value));
  return bits;
}

class RoundTripTest : public testing::SqliteTest {
 protected:
  // What `record` is after it was written, and read by a store opened anew; first as a new record
  // and then as an update.
  template <typename M>
  M RoundTrip(M record) {
    record.set_id(1);
    Open();
    Write([&](Transaction& txn) { ASSERT_TRUE(txn.Insert(record).ok()); });
    Reopen();
    M inserted = *store_->GetSnapshot().Find<M>(1);
    Write([&](Transaction& txn) {
      M empty;
      empty.set_id(1);
      ASSERT_TRUE(txn.Upsert(empty).ok());
    });
    Flush();
    Write([&](Transaction& txn) { ASSERT_TRUE(txn.Upsert(record).ok()); });
    Reopen();
    M updated = *store_->GetSnapshot().Find<M>(1);
    EXPECT_EQ(inserted.SerializeAsString().size(), updated.SerializeAsString().size());
    Close();
    return updated;
  }
  template <typename M>
  void ExpectRoundTrip(const M& record) {
    M expected = record;
    expected.set_id(1);
    M back = RoundTrip(record);
    std::string difference;
    MessageDifferencer differencer;
    differencer.set_message_field_comparison(MessageDifferencer::EQUAL);
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(expected, back)) << difference;
  }
};

TEST_F(RoundTripTest, Defaults) { ExpectRoundTrip(Everything()); }

TEST_F(RoundTripTest, LargestIntegers) {
  Everything record;
  record.set_an_int32(std::numeric_limits<std::int32_t>::max());
  record.set_an_int64(std::numeric_limits<std::int64_t>::max());
  record.set_a_uint32(std::numeric_limits<std::uint32_t>::max());
  record.set_a_uint64(std::numeric_limits<std::uint64_t>::max());
  record.set_a_sint32(std::numeric_limits<std::int32_t>::max());
  record.set_a_sint64(std::numeric_limits<std::int64_t>::max());
  record.set_a_fixed32(std::numeric_limits<std::uint32_t>::max());
  record.set_a_fixed64(std::numeric_limits<std::uint64_t>::max());
  record.set_a_sfixed32(std::numeric_limits<std::int32_t>::max());
  record.set_a_sfixed64(std::numeric_limits<std::int64_t>::max());
  record.set_a_bool(true);
  record.set_maybe_uint64(std::uint64_t{1} << 63);
  record.mutable_boxed_uint64()->set_value(std::numeric_limits<std::uint64_t>::max());
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, SmallestIntegers) {
  Everything record;
  record.set_an_int32(std::numeric_limits<std::int32_t>::min());
  record.set_an_int64(std::numeric_limits<std::int64_t>::min());
  record.set_a_sint32(std::numeric_limits<std::int32_t>::min());
  record.set_a_sint64(std::numeric_limits<std::int64_t>::min());
  record.set_a_sfixed32(std::numeric_limits<std::int32_t>::min());
  record.set_a_sfixed64(std::numeric_limits<std::int64_t>::min());
  record.mutable_boxed_int64()->set_value(std::numeric_limits<std::int64_t>::min());
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, EmptyIsNotAbsent) {
  Everything record;
  record.set_maybe_int32(0);
  record.set_maybe_uint64(0);
  record.set_maybe_bool(false);
  record.set_maybe_float(0);
  record.set_maybe_double(0);
  record.set_maybe_string("");
  record.set_maybe_bytes("");
  record.set_maybe_color(persistence_test::NONE);
  record.mutable_at();
  record.mutable_took();
  record.mutable_boxed_int64();
  record.mutable_boxed_string();
  record.mutable_boxed_bytes();
  record.mutable_boxed_bool();
  record.mutable_boxed_double();
  record.mutable_point();
  record.mutable_json();
  record.set_chosen_text("");
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, FloatsBitForBit) {
  const std::uint64_t doubles[] = {
      0x8000000000000000,                                                              // -0.0
      0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0x7ff8dead0000beef,  // NaNs
      0x7ff0000000000000, 0xfff0000000000000,                                          // Infinities
      0x0000000000000001, 0x7fefffffffffffff, 0x3ff0000000000000, 0x3fb999999999999a};
  const std::uint32_t floats[] = {0x80000000, 0x7fc00000, 0xffc00000, 0x7f800001,
                                  0x7fc0beef, 0x7f800000, 0xff800000, 0x00000001,
                                  0x7f7fffff, 0x3f800000, 0x3dcccccd};
  for (std::size_t i = 0; i < std::size(doubles); ++i) {
    SCOPED_TRACE(i);
    Everything record;
    record.set_a_double(FromBits<double>(doubles[i]));
    record.set_maybe_double(FromBits<double>(doubles[i]));
    record.mutable_boxed_double()->set_value(FromBits<double>(doubles[i]));
    record.set_a_float(FromBits<float>(floats[i]));
    record.set_maybe_float(FromBits<float>(floats[i]));
    record.mutable_boxed_float()->set_value(FromBits<float>(floats[i]));
    path_ = dir_.File(std::to_string(i));
    const Everything back = RoundTrip(record);
    EXPECT_EQ(ToBits<std::uint64_t>(back.a_double()), doubles[i]);
    EXPECT_EQ(ToBits<std::uint64_t>(back.maybe_double()), doubles[i]);
    EXPECT_EQ(ToBits<std::uint64_t>(back.boxed_double().value()), doubles[i]);
    EXPECT_EQ(ToBits<std::uint32_t>(back.a_float()), floats[i]);
    EXPECT_EQ(ToBits<std::uint32_t>(back.maybe_float()), floats[i]);
    EXPECT_EQ(ToBits<std::uint32_t>(back.boxed_float().value()), floats[i]);
  }
}

TEST_F(RoundTripTest, TextAndBytes) {
  Everything record;
  record.set_a_string(std::string("a\0b\0", 4));
  record.set_maybe_string(std::string(1'000'000, 'x'));
  record.set_some_bytes(std::string("\0\xff\x80", 3));
  record.set_maybe_bytes(std::string(1, '\0'));
  record.mutable_boxed_string()->set_value("\xf0\x9f\x98\x80");
  record.mutable_boxed_bytes()->set_value("\xff");
  record.set_select("select");
  record.set_class_("class");
  record.set__unknown("mine");
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, AMegabyteWhereverTextMayBe) {
  std::string large(std::size_t{1} << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 % 128);
  Everything record;
  record.set_a_string(large);
  record.set_some_bytes(large + "\xff");
  record.mutable_boxed_string()->set_value(large);
  record.add_names(large);
  record.add_names();
  record.set_chosen_text(large);
  (*record.mutable_places())[large].set_x(1);
  (*record.mutable_point()->mutable_labels())[large] = 1;
  (*record.mutable_json()->mutable_fields())["large"].set_string_value(large);
  record.GetReflection()->MutableUnknownFields(&record)->AddLengthDelimited(12345, large + "\xff");
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, EachArmOfAOneofAlsoWithItsDefault) {
  Everything number, text, point;
  number.set_chosen_number(0);
  text.set_chosen_text("");
  point.mutable_chosen_point();
  int file = 0;
  for (const Everything& record : {Everything(), number, text, point}) {
    path_ = dir_.File(std::to_string(file++));
    ExpectRoundTrip(record);
  }
}

TEST_F(RoundTripTest, EnumsWithUnknownValues) {
  Everything record;
  record.set_a_color(static_cast<persistence_test::Color>(-12345));
  record.set_maybe_color(static_cast<persistence_test::Color>(77));
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, Times) {
  const std::pair<std::int64_t, std::int32_t> times[] = {
      {-62135596800, 0}, {253402300799, 999999999}, {0, 1}, {-1, 999999999}};
  const std::pair<std::int64_t, std::int32_t> durations[] = {
      {-315576000000, -999999999}, {315576000000, 999999999}, {0, -5}, {-1, 0}};
  for (std::size_t i = 0; i < std::size(times); ++i) {
    Everything record;
    record.mutable_at()->set_seconds(times[i].first);
    record.mutable_at()->set_nanos(times[i].second);
    record.mutable_took()->set_seconds(durations[i].first);
    record.mutable_took()->set_nanos(durations[i].second);
    path_ = dir_.File(std::to_string(i));
    ExpectRoundTrip(record);
  }
}

TEST_F(RoundTripTest, TimesOutOfRangeAreRefusedAtCommit) {
  Open();
  auto refusal = [this](const Everything& record) {
    const CommitNumber before = store_->GetSnapshot().commit();
    const absl::Status status =
        store_->Write([&](Transaction& txn) { return txn.Insert(record).status(); }).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(store_->GetSnapshot().commit(), before);
    return std::string(status.message());
  };
  Everything late;
  late.set_id(5);
  late.mutable_at()->set_seconds(253402300800);
  EXPECT_THAT(refusal(late), HasSubstr("persistence_test.Everything id=5: field at is no time"));
  late.mutable_at()->set_seconds(0);
  late.mutable_at()->set_nanos(-1);
  EXPECT_THAT(refusal(late), HasSubstr("field at is no time"));
  Everything longest;
  longest.mutable_took()->set_seconds(315576000001);
  EXPECT_THAT(refusal(longest), HasSubstr("field took is no duration"));
  longest.mutable_took()->set_seconds(-1);
  longest.mutable_took()->set_nanos(1);
  EXPECT_THAT(refusal(longest), HasSubstr("field took is no duration"));
}

TEST_F(RoundTripTest, MessagesListsAndMaps) {
  Everything record;
  Point* point = record.mutable_point();
  for (int i = 0; i < 300; ++i) {
    point->set_x(i);
    point = point->mutable_next();
  }
  for (int i = 0; i < 5; ++i) {
    record.add_numbers(i - 2);
    record.add_names(std::to_string(i));
    record.add_points()->set_x(i);
    (*record.mutable_places())[std::to_string(i)].set_x(i);
    (*(*record.mutable_places())["p"].mutable_labels())[std::to_string(i)] = i;
    (*record.mutable_json()->mutable_fields())[std::to_string(i)].set_number_value(i);
  }
  record.mutable_chosen_point();
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, UnknownFieldsAtAnyDepth) {
  Everything record;
  auto add = [](google::protobuf::Message* message) {
    google::protobuf::UnknownFieldSet* unknown =
        message->GetReflection()->MutableUnknownFields(message);
    unknown->AddVarint(12345, 6);
    unknown->AddLengthDelimited(12346, "text");
  };
  add(&record);
  add(record.mutable_at());
  add(record.mutable_boxed_int64());
  add(record.mutable_point()->mutable_next());
  ExpectRoundTrip(record);
}

// What a parser leaves among the unknown fields although it knows the number: the value has another
// type there.
TEST_F(RoundTripTest, UnknownFieldsWithKnownNumbers) {
  Everything record;
  record.set_an_int32(7);
  auto* unknown = record.GetReflection()->MutableUnknownFields(&record);
  unknown->AddLengthDelimited(Everything::kAnInt32FieldNumber, "no number");
  unknown->AddVarint(Everything::kAtFieldNumber, 5);
  unknown->AddFixed64(Everything::kPlacesFieldNumber, 6);
  ExpectRoundTrip(record);
  Old old;
  ASSERT_TRUE(old.ParsePartialFromString("\x20\x63\x28\x63\x28\x01"));  // Unknown levels.
  ASSERT_EQ(old.unknown_fields().field_count(), 2);
  path_ = dir_.File("old.db");
  ExpectRoundTrip(old);
}

// By hand a program can put there what no parser leaves, and what would be read as the field.
TEST_F(RoundTripTest, UnknownFieldsThatWouldComeBackAsKnownOnesAreRefused) {
  Open();
  auto refusal = [this](const google::protobuf::Message& record) {
    const absl::Status status =
        store_
            ->Write([&](Transaction& txn) {
              return record.GetDescriptor() == Old::descriptor()
                         ? txn.Insert(dynamic_cast<const Old&>(record)).status()
                         : txn.Insert(dynamic_cast<const Everything&>(record)).status();
            })
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  Everything record;
  record.set_id(5);
  auto* unknown = record.GetReflection()->MutableUnknownFields(&record);
  unknown->AddVarint(Everything::kAnInt32FieldNumber, 5);
  EXPECT_THAT(refusal(record), HasSubstr("id=5: has an unknown field with the number 2"));
  unknown->Clear();
  unknown->AddLengthDelimited(Everything::kAtFieldNumber, "");
  EXPECT_THAT(refusal(record), HasSubstr("number 40"));
  unknown->Clear();
  auto* at = record.mutable_at();
  at->GetReflection()->MutableUnknownFields(at)->AddVarint(1, 5);
  EXPECT_THAT(refusal(record), HasSubstr("within a time or wrapper"));
  Old old;
  old.set_id(1);
  old.mutable_unknown_fields()->AddVarint(101, 7);  // An extension.
  EXPECT_THAT(refusal(old), HasSubstr("number 101"));
}

TEST_F(RoundTripTest, UnknownGroupsNestedTooDeepAreRefused) {
  Open();
  Everything record;
  auto* unknown = record.GetReflection()->MutableUnknownFields(&record);
  for (int i = 0; i < 2000; ++i) unknown = unknown->AddGroup(12345);
  const absl::Status status =
      store_->Write([&](Transaction& txn) { return txn.Insert(record).status(); }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(status.message(), HasSubstr("nested more than 1000"));
}

// A program that did not know a field kept it among the unknown ones; one that knows it finds it
// there, and from then on it is in its own column.
TEST_F(RoundTripTest, FieldsThatWereUnknownMoveIntoTheirColumns) {
  Open();
  Write([](Transaction& txn) {
    Everything record;
    record.set_id(1);
    ASSERT_TRUE(txn.Insert(record).ok());
    persistence_test::User user;
    user.set_name("a");
    ASSERT_TRUE(txn.Insert(user).ok());
  });
  Close();
  Everything late;
  late.set_an_int32(5);
  late.mutable_at()->set_seconds(1709208000);
  late.add_numbers(6);
  late.set_chosen_text("text");
  late.mutable_boxed_int64();
  late.GetReflection()->MutableUnknownFields(&late)->AddVarint(5000, 1);
  auto hex = [](const google::protobuf::Message& message) {
    return "x'" + absl::BytesToHexString(message.SerializeAsString()) + "'";
  };
  persistence_test::User email;
  email.set_email("a@example.com");  // In an index: an update of other fields leaves it alone.
  testing::RawDatabase(path_).Exec("UPDATE everythings SET _unknown_ = " + hex(late) +
                                   "; UPDATE users SET _unknown = " + hex(email));
  Open();
  EXPECT_EQ(store_->GetSnapshot().Find<Everything>(1)->chosen_text(), "text");
  EXPECT_EQ(testing::RawDatabase(path_).QueryOne(
                "SELECT an_int32, at, hex(numbers), chosen_text, boxed_int64, hex(_unknown_) FROM "
                "everythings"),
            "5|2024-02-29T12:00:00.000000000Z|9A030106|text|0|C0B80201");
  EXPECT_EQ(testing::RawDatabase(path_).QueryOne("SELECT email, _unknown FROM users"),
            "a@example.com|NULL");
  Write([](Transaction& txn) {
    ASSERT_TRUE(
        txn.Update(txn.Find<persistence_test::User>(1), [](auto& u) { u.set_desk(1); }).ok());
  });
  Reopen();
  EXPECT_EQ(store_->GetSnapshot().Find<persistence_test::User>(1)->email(), "a@example.com");
}

TEST_F(RoundTripTest, Proto2) {
  ExpectRoundTrip(Old());
  Old record;
  record.set_number(0);
  record.set_text("");
  record.set_level(Old::LOW);
  record.add_levels(Old::HIGH);
  record.mutable_inner()->set_depth(3);
  record.SetExtension(persistence_test::note, "noted");
  record.AddExtension(persistence_test::marks, 4);
  record.AddExtension(persistence_test::marks, 5);
  // The value of an enum that this program does not know.
  record.mutable_unknown_fields()->AddVarint(4, 99);
  record.mutable_unknown_fields()->AddVarint(500, 1);
  path_ = dir_.File("full.db");
  ExpectRoundTrip(record);
}

TEST_F(RoundTripTest, KeysOfEveryKind) {
  Open();
  const std::string zero(1, '\0');
  Write([&](Transaction& txn) {
    for (std::uint64_t number :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
      Unsigned record;
      record.set_number(number);
      ASSERT_TRUE(txn.Insert(record).ok());
    }
    for (const std::string& slug :
         {std::string(), std::string("a"), "a" + zero, "a" + zero + "b"}) {
      persistence_test::Post post;
      post.set_slug(slug);
      ASSERT_TRUE(txn.Insert(post).ok());
      persistence_test::Tag tag;
      tag.set_code(slug + "\xff");
      tag.set_weight(-0.0);
      ASSERT_TRUE(txn.Insert(tag).ok());
      persistence_test::Tagging tagging;
      tagging.set_post_slug(slug);
      tagging.set_tag_code(slug + "\xff");
      ASSERT_TRUE(txn.Insert(tagging).ok());
    }
  });
  Reopen();
  {
    Snapshot snapshot = store_->GetSnapshot();
    EXPECT_EQ(snapshot.Count<Unsigned>(), 4);
    EXPECT_TRUE(snapshot.Find<Unsigned>(~std::uint64_t{0}));
    EXPECT_TRUE(snapshot.Find<persistence_test::Tagging>("a" + zero + "b", "a" + zero + "b\xff"));
  }
  Write([&](Transaction& txn) {
    ASSERT_TRUE(txn.Update(txn.Find<persistence_test::Tagging>("a" + zero, "a" + zero + "\xff"),
                           [](persistence_test::Tagging& t) { t.set_rank(5); })
                    .ok());
    ASSERT_TRUE(txn.Delete(txn.Find<Unsigned>(std::uint64_t{1} << 63)).ok());
  });
  Reopen();
  Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<persistence_test::Tagging>("a" + zero, "a" + zero + "\xff")->rank(), 5);
  EXPECT_EQ(snapshot.Count<Unsigned>(), 3);
  EXPECT_TRUE(store_->CheckInvariants().ok());
}

TEST_F(RoundTripTest, ReadsWellWithSqlite3) {
  Everything record;
  record.set_id(7);
  record.set_a_double(1.5);
  record.set_a_string("text");
  record.mutable_at()->set_seconds(1709208000);
  record.mutable_took()->set_seconds(2);
  record.set_a_bool(true);
  record.mutable_boxed_string()->set_value("boxed");
  Open();
  Write([&](Transaction& txn) { ASSERT_TRUE(txn.Insert(record).ok()); });
  Flush();
  testing::RawDatabase raw(path_);  // While the store is open.
  EXPECT_EQ(
      raw.QueryOne("SELECT id, a_double, a_string, at, took, a_bool, boxed_string, maybe_string, "
                   "\"select\" FROM everythings"),
      "7|1.5|text|2024-02-29T12:00:00.000000000Z|2.000000000|1|boxed|NULL|");
  EXPECT_EQ(raw.QueryOne("SELECT value FROM _kin_meta WHERE key = 'commit'"), "1");
  EXPECT_EQ(raw.QueryOne("SELECT next FROM _kin_ids WHERE model = 'persistence_test.Everything'"),
            "8");
  EXPECT_THAT(raw.QueryOne("SELECT sql FROM sqlite_schema WHERE name = 'profiles'"),
              ::testing::AllOf(HasSubstr("STRICT"), HasSubstr("DEFERRABLE INITIALLY DEFERRED")));
  EXPECT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
  EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
}

TEST_F(RoundTripTest, CommitNumbersAndIdsGoOn) {
  Open();
  Write([](Transaction& txn) {
    ASSERT_TRUE(txn.Insert(Everything()).ok());
    absl::StatusOr<EverythingRef> second = txn.Insert(Everything());
    ASSERT_TRUE(second.ok());
    ASSERT_TRUE(txn.Delete(*second).ok());
  });
  Reopen();
  EXPECT_EQ(store_->durable_commit(), 1u);
  Write([](Transaction& txn) {
    absl::StatusOr<EverythingRef> third = txn.Insert(Everything());
    ASSERT_TRUE(third.ok());
    EXPECT_EQ((*third)->id(), 3);
  });
  EXPECT_EQ(store_->GetSnapshot().commit(), 2u);
}

}  // namespace
}  // namespace kin
