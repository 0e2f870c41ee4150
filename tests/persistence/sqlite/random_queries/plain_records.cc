#include "kin/tests/persistence/sqlite/random_queries/plain_records.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace kin::testing {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using Class = PlainValue::Class;
using Kind = AssociationSpec::Kind;

constexpr __int128 kSecond = 1000000000;
constexpr double kReals[] = {0,
                             -0.0,
                             0.25,
                             -1.5,
                             3,
                             3,
                             0.1,
                             1e30,
                             -1e30,
                             9007199254740994,  // Near it there are only even ones.
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()};

// In nanoseconds: the first of year 1 and the last of year 9999; and some before 1970, where
// seconds are negative and nanoseconds are not.
constexpr __int128 kTimes[] = {-62135596800 * kSecond,
                               253402300800 * kSecond - 1,
                               -1,
                               0,
                               1,
                               -kSecond,
                               -kSecond - 1,
                               -kSecond + 1,
                               -3 * kSecond / 2};
// The least and the greatest, and some of less than a second.
constexpr __int128 kDurations[] = {
    -315576000000 * kSecond, 315576000000 * kSecond, -1, 0, 1, -kSecond - 1, kSecond - 1};

std::vector<std::string> Texts(bool bytes) {
  std::vector<std::string> texts = {"",
                                    "a",
                                    "a",
                                    "ab",
                                    "abc",
                                    "b",
                                    "A",
                                    "a*",
                                    "\"\\%_",
                                    "b\xc3\xa9",
                                    "b\xef\xbf\xbf",     // The last characters of
                                    "\xf4\x8f\xbf\xbf",  // three bytes and of all.
                                    std::string("a\0", 2),
                                    std::string("\0b", 2)};
  if (bytes) texts.insert(texts.end(), {"\xff", "\xff\xff", "a\xff", "\x80"});
  return texts;
}

// The least and the greatest number of a type.
std::pair<__int128, __int128> Limits(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    case FieldDescriptor::CPPTYPE_INT64:
      return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
    case FieldDescriptor::CPPTYPE_UINT32:
      return {0, std::numeric_limits<std::uint32_t>::max()};
    default:
      return {0, std::numeric_limits<std::uint64_t>::max()};
  }
}

PlainValue Number(__int128 number) { return {Class::kNumber, number, 0, ""}; }
PlainValue Real(double real) { return {Class::kReal, 0, real, ""}; }
PlainValue Text(std::string text) { return {Class::kText, 0, 0, std::move(text)}; }

bool IsTime(const FieldDescriptor& field) {
  return field.message_type() != nullptr &&
         absl::EndsWith(field.message_type()->full_name(), "Timestamp");
}
bool IsDuration(const FieldDescriptor& field) {
  return field.message_type() != nullptr &&
         absl::EndsWith(field.message_type()->full_name(), "Duration");
}

// Of a value that is there. `element`: -1 of a single field.
PlainValue ReadPresent(const Message& record, const FieldDescriptor& field, int element) {
  const Reflection& get = *record.GetReflection();
  const auto number = [&](auto single, auto repeated) {
    return Number(element < 0 ? (get.*single)(record, &field)
                              : (get.*repeated)(record, &field, element));
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return number(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return number(&Reflection::GetInt64, &Reflection::GetRepeatedInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return number(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return number(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64);
    case FieldDescriptor::CPPTYPE_BOOL:
      return number(&Reflection::GetBool, &Reflection::GetRepeatedBool);
    case FieldDescriptor::CPPTYPE_ENUM:
      return number(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Real(element < 0 ? get.GetFloat(record, &field)
                              : get.GetRepeatedFloat(record, &field, element));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Real(element < 0 ? get.GetDouble(record, &field)
                              : get.GetRepeatedDouble(record, &field, element));
    case FieldDescriptor::CPPTYPE_STRING:
      return Text(element < 0 ? get.GetString(record, &field)
                              : get.GetRepeatedString(record, &field, element));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  const Message& message = get.GetMessage(record, &field);
  if (!IsTime(field) && !IsDuration(field)) return ReadPresent(message, Inner(field), -1);
  const auto part = [&](const char* name) {
    return ReadPresent(message, *field.message_type()->FindFieldByName(name), -1).number;
  };
  return Number(part("seconds") * kSecond + part("nanos"));
}

}  // namespace

int Order(const PlainValue& a, const PlainValue& b) {
  switch (a.of) {
    case Class::kNumber:
      return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
    case Class::kReal:
      if (std::isnan(a.real) || std::isnan(b.real)) return std::isnan(a.real) - std::isnan(b.real);
      return a.real < b.real ? -1 : a.real > b.real ? 1 : 0;
    case Class::kText:
      return a.text.compare(b.text);
  }
  return 0;
}

int Order(const std::optional<PlainValue>& a, const std::optional<PlainValue>& b) {
  if (!a.has_value() || !b.has_value()) return a.has_value() - b.has_value();
  return Order(*a, *b);
}

const FieldDescriptor& Inner(const FieldDescriptor& field) {
  if (field.message_type() == nullptr || IsTime(field) || IsDuration(field)) return field;
  return *field.message_type()->FindFieldByName("value");
}

std::optional<PlainValue> Read(const Message& record, const FieldDescriptor& field) {
  if (field.has_presence() && !record.GetReflection()->HasField(record, &field)) {
    return std::nullopt;
  }
  return ReadPresent(record, field, -1);
}

PlainValue ReadElement(const Message& record, const FieldDescriptor& field, int element) {
  return ReadPresent(record, field, element);
}

void Put(const FieldDescriptor& field, const PlainValue& value, Message* record) {
  const Reflection& set = *record->GetReflection();
  const auto store = [&](auto single, auto repeated, auto what) {
    field.is_repeated() ? (set.*repeated)(record, &field, what)
                        : (set.*single)(record, &field, what);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return store(&Reflection::SetInt32, &Reflection::AddInt32,
                   static_cast<std::int32_t>(value.number));
    case FieldDescriptor::CPPTYPE_INT64:
      return store(&Reflection::SetInt64, &Reflection::AddInt64,
                   static_cast<std::int64_t>(value.number));
    case FieldDescriptor::CPPTYPE_UINT32:
      return store(&Reflection::SetUInt32, &Reflection::AddUInt32,
                   static_cast<std::uint32_t>(value.number));
    case FieldDescriptor::CPPTYPE_UINT64:
      return store(&Reflection::SetUInt64, &Reflection::AddUInt64,
                   static_cast<std::uint64_t>(value.number));
    case FieldDescriptor::CPPTYPE_BOOL:
      return store(&Reflection::SetBool, &Reflection::AddBool, value.number != 0);
    case FieldDescriptor::CPPTYPE_ENUM:
      return store(&Reflection::SetEnumValue, &Reflection::AddEnumValue,
                   static_cast<int>(value.number));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return store(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(value.real));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return store(&Reflection::SetDouble, &Reflection::AddDouble, value.real);
    case FieldDescriptor::CPPTYPE_STRING:
      return store(&Reflection::SetString, &Reflection::AddString, value.text);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  Message* message = set.MutableMessage(record, &field);
  if (!IsTime(field) && !IsDuration(field)) return Put(Inner(field), value, message);
  __int128 seconds = value.number / kSecond;
  __int128 nanos = value.number % kSecond;
  if (IsTime(field) && nanos < 0) {
    nanos += kSecond;
    --seconds;
  }
  Put(*field.message_type()->FindFieldByName("seconds"), Number(seconds), message);
  Put(*field.message_type()->FindFieldByName("nanos"), Number(nanos), message);
}

PlainValue RandomValue(const FieldDescriptor& field, Dice* dice) {
  const FieldDescriptor& inner = Inner(field);
  if (IsTime(field)) {
    if (dice->Once(3)) return Number(dice->From(kTimes));
    return Number((1700000000 + dice->Below(4)) * kSecond + dice->Below(3));
  }
  if (IsDuration(field)) {
    if (dice->Once(3)) return Number(dice->From(kDurations));
    return Number((dice->Below(17) - 8) * (kSecond / 4));
  }
  switch (inner.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return Number(dice->Below(2));
    case FieldDescriptor::CPPTYPE_ENUM: {
      constexpr int kColors[] = {0, 1, 5, -3};
      return Number(dice->From(kColors));
    }
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Real(static_cast<float>(dice->From(kReals)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Real(dice->From(kReals));
    case FieldDescriptor::CPPTYPE_STRING:
      return Text(dice->From(Texts(inner.type() == FieldDescriptor::TYPE_BYTES)));
    default:
      break;
  }
  const auto [least, greatest] = Limits(inner);
  if (greatest > std::numeric_limits<std::int64_t>::max() && dice->Once(8)) {
    // On both sides of what is a negative integer in SQL.
    return Number(std::numeric_limits<std::int64_t>::max() + __int128{dice->Below(2)});
  }
  if (dice->Once(10)) return Number(least + dice->Below(2));
  if (dice->Once(10)) return Number(greatest - dice->Below(2));
  return Number(dice->Below(9) - (least < 0 ? 3 : 0));
}

PlainValue WideValue(const FieldDescriptor& field, Dice* dice) {
  PlainValue value = RandomValue(field, dice);
  if (value.of == Class::kText) absl::StrAppend(&value.text, dice->Below(20));
  if (value.of == Class::kNumber && !dice->Once(20)) {
    value.number = dice->Below(200) - (Limits(field).first < 0 ? 60 : 0);
  }
  return value;
}

query::Value ToQueryValue(const FieldDescriptor& field, const PlainValue& value) {
  if (value.of == Class::kReal) return value.real;
  if (value.of == Class::kText) return value.text;
  const auto seconds = static_cast<std::int64_t>(value.number / kSecond);
  const auto nanos = static_cast<std::int64_t>(value.number % kSecond);
  if (IsTime(field)) return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanos);
  if (IsDuration(field)) return absl::Seconds(seconds) + absl::Nanoseconds(nanos);
  if (Inner(field).cpp_type() == FieldDescriptor::CPPTYPE_BOOL) return value.number != 0;
  if (value.number > std::numeric_limits<std::int64_t>::max()) {
    return static_cast<std::uint64_t>(value.number);
  }
  return static_cast<std::int64_t>(value.number);
}

PlainKey World::KeyOf(int model, const Message& record) const {
  PlainKey key;
  for (const std::string& name : schema_->model(model).key) {
    key.push_back(*Read(record, schema_->field(model, name)));
  }
  return key;
}

bool World::Refers(const AssociationSpec& association, int child_model, const Message& child,
                   int parent_model, const Message& parent) const {
  const std::vector<std::string>& key = schema_->model(parent_model).key;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const auto held = Read(child, schema_->field(child_model, association.foreign_key[i]));
    if (!held.has_value()) return false;
    if (Order(*held, *Read(parent, schema_->field(parent_model, key[i]))) != 0) return false;
  }
  return true;
}

std::vector<const Message*> World::Targets(int model, const AssociationSpec& association,
                                           const Message& record) const {
  std::map<PlainKey, const Message*> found;
  const int target = association.target;
  if (!association.through.empty()) {
    const AssociationSpec& first = schema_->model(model).association(association.through);
    const AssociationSpec& second = schema_->model(first.target).association(association.source);
    for (const Message* middle : Targets(model, first, record)) {
      for (const Message* far : Targets(first.target, second, *middle)) {
        found[KeyOf(target, *far)] = far;
      }
    }
  } else {
    const bool belongs = association.kind == Kind::kBelongsTo;
    for (const auto& [key, other] : table(target)) {
      if (belongs ? Refers(association, model, record, target, *other)
                  : Refers(association, target, *other, model, record)) {
        found[key] = other.get();
      }
    }
  }
  std::vector<const Message*> targets;
  for (const auto& [key, message] : found) targets.push_back(message);
  if (association.lowest && targets.size() > 1) targets.resize(1);
  return targets;
}

bool World::HasChildren(int model, const Message& record) const {
  for (std::size_t child = 0; child < tables_.size(); ++child) {
    for (const AssociationSpec& association : schema_->models[child].associations) {
      if (association.kind != Kind::kBelongsTo || !association.through.empty() ||
          association.target != model) {
        continue;
      }
      for (const auto& [key, other] : tables_[child]) {
        if (Refers(association, static_cast<int>(child), *other, model, record)) return true;
      }
    }
  }
  return false;
}

bool World::FillForeignKeys(int model, Message* record, Dice* dice) const {
  for (const AssociationSpec& association : schema_->model(model).associations) {
    if (association.kind != Kind::kBelongsTo || !association.through.empty()) continue;
    const auto& parents = table(association.target);
    const bool optional =
        schema_->model(model).field(association.foreign_key[0]).label == "optional";
    if (optional && (parents.empty() || dice->Once(4))) {
      // Of several parts, some may be there.
      for (const std::string& name : association.foreign_key) {
        record->GetReflection()->ClearField(record, &schema_->field(model, name));
      }
      continue;
    }
    if (parents.empty()) return false;
    const auto parent = std::next(parents.begin(), dice->Below(static_cast<int>(parents.size())));
    for (std::size_t i = 0; i < association.foreign_key.size(); ++i) {
      Put(schema_->field(model, association.foreign_key[i]), parent->first[i], record);
    }
  }
  return true;
}

bool World::IsFree(int model, const std::string& field) const {
  const ModelSpec& spec = schema_->model(model);
  const auto names = [&](const std::vector<std::string>& fields) {
    return std::count(fields.begin(), fields.end(), field) != 0;
  };
  return !names(spec.key) && !absl::StrContains(spec.field(field).options, "unique") &&
         std::none_of(spec.associations.begin(), spec.associations.end(),
                      [&](const AssociationSpec& association) {
                        return association.kind == Kind::kBelongsTo &&
                               names(association.foreign_key);
                      }) &&
         std::none_of(spec.indexes.begin(), spec.indexes.end(),
                      [&](const IndexSpec& index) { return index.unique && names(index.fields); });
}

void World::Replace(int model, PlainRecord record) {
  const PlainKey key = KeyOf(model, *record);
  tables_[static_cast<std::size_t>(model)][key] = std::move(record);
}

void World::Erase(int model, const Message& record) {
  tables_[static_cast<std::size_t>(model)].erase(KeyOf(model, record));
}

absl::Status World::Change(Transaction& txn, Dice* dice) {
  const int model = dice->Below(static_cast<int>(tables_.size()));
  const ModelSpec& spec = schema_->model(model);
  auto& records = tables_[static_cast<std::size_t>(model)];
  const int position = schema_->position(model);
  std::shared_ptr<Message> record = schema_->schema.NewRecord(position);
  for (const FieldSpec& field : spec.fields) {
    const FieldDescriptor& descriptor = schema_->field(model, field.name);
    if (descriptor.is_repeated()) {
      for (int i = dice->Below(3); i > 0; --i) {
        Put(descriptor, RandomValue(descriptor, dice), record.get());
      }
    } else if (!descriptor.has_presence() || !dice->Once(3)) {
      const bool wide = std::count(spec.key.begin(), spec.key.end(), field.name) != 0 ||
                        absl::StrContains(field.options, "unique");
      Put(descriptor, (wide ? WideValue : RandomValue)(descriptor, dice), record.get());
    }
  }
  if (!FillForeignKeys(model, record.get(), dice)) return absl::OkStatus();
  const PlainKey key = KeyOf(model, *record);
  // Such an id is not one, but asks for one.
  if (spec.key.size() == 1 && key[0].of == Class::kNumber && key[0].number == 0) {
    return absl::OkStatus();
  }
  const auto old = records.find(key);
  if (old != records.end() && dice->Once(2)) {
    if (HasChildren(model, *old->second)) return absl::OkStatus();
    const absl::Status deleted = txn.DeleteRecord(position, *old->second);
    records.erase(old);
    return deleted;
  }
  const absl::Status status = txn.UpsertRecord(position, *record).status();
  if (absl::IsAlreadyExists(status)) return absl::OkStatus();  // A unique value, of another.
  if (status.ok()) records[key] = std::move(record);
  return status;
}

}  // namespace kin::testing
