#include "kin/tests/persistence/sqlite/evolution/schema_history.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::testing {
namespace {

// What a type may become.
std::vector<std::string> WiderThan(const std::string& type) {
  if (type == "bool") return {"int32", "uint32", "int64"};
  if (type == "int32") return {"int64", "sint32"};
  if (type == "sint32" || type == "sfixed32") return {"int64"};
  if (type == "uint32") return {"uint64", "int64"};
  if (type == "float") return {"double"};
  if (type == "string") return {"bytes"};
  return {};
}

bool IsText(const std::string& type) { return type == "string" || type == "bytes"; }

// The default of a type, as a value.
std::string Zero(const std::string& type) { return IsText(type) ? "''" : "0"; }

}  // namespace

std::string SchemaHistory::NewName(const char* prefix) { return absl::StrCat(prefix, ++names_); }

std::string SchemaHistory::Text(const Version& version) {
  std::string text;
  for (const auto& [number, model] : version) {
    if (!model.live) continue;
    absl::StrAppend(&text, "message ", model.name, " { option (kin.model) = {table: '", model.table,
                    "'}; int64 id = 1;");
    for (const auto& [field_number, field] : model.fields) {
      if (!field.live) {
        absl::StrAppend(&text, " reserved ", field_number, ";");
        continue;
      }
      absl::StrAppend(&text, field.optional ? " optional " : " ", field.type, " ", field.name,
                      " = ", field_number, field.indexed ? " [(kin.field).indexed = true]" : "",
                      ";");
    }
    absl::StrAppend(&text, " }\n");
  }
  return text;
}

void SchemaHistory::Evolve(MigrateOptions* options) {
  if (current_.empty() || (current_.size() < 4 && Random(4) == 0)) {
    Model model;
    model.name = NewName("M");
    model.table = NewName("t");
    current_[static_cast<int>(current_.size())] = model;
  }
  fresh_ = numbers_;
  before_ = current_;
  for (std::uint64_t changes = 1 + Random(4); changes > 0; --changes) {
    EvolveModel(static_cast<int>(Random(current_.size())), options);
  }
  bool any = false;
  for (const auto& [number, model] : current_) any |= model.live;
  if (!any) current_.begin()->second.live = true;
}

void SchemaHistory::EvolveModel(int number, MigrateOptions* options) {
  Model& model = current_[number];
  const std::uint64_t what = Random(20);
  if (!model.live) {
    model.live = what < 10;
  } else if (what == 0) {
    model.live = false;
    // Under the name that the database knows.
    for (auto renamed = options->renamed.begin(); renamed != options->renamed.end(); ++renamed) {
      if (renamed->second != "t." + model.name) continue;
      model.name = renamed->first.substr(2);
      options->renamed.erase(renamed);
      break;
    }
    options->allow.push_back("t." + model.name);
  } else if (what == 1) {
    const std::string name = NewName("M");
    // Names given before in this step lead to the newest.
    bool known = false;
    for (auto& [from, to] : options->renamed) {
      if (to == "t." + model.name) {
        to = "t." + name;
        known = true;
      }
    }
    if (!known) options->renamed.emplace_back("t." + model.name, "t." + name);
    model.name = name;
  } else if (what == 2) {
    // Its own or another's.
    std::swap(model.table, current_[static_cast<int>(Random(current_.size()))].table);
  } else if (what < 8 && model.fields.size() < 12) {
    constexpr const char* kTypes[] = {"bool",  "int32",  "uint32", "int64", "uint64",
                                      "float", "double", "string", "bytes", "sfixed32"};
    Field field;
    field.name = NewName("f");
    field.type = kTypes[Random(std::size(kTypes))];
    field.optional = Random(2) == 0;
    field.indexed = Random(4) == 0;
    model.fields[numbers_++] = field;
  } else if (!model.fields.empty()) {
    auto field = model.fields.begin();
    std::advance(field, Random(model.fields.size()));
    EvolveField(number * 1000 + field->first, &field->second);
  }
}

void SchemaHistory::EvolveField(int number, Field* field) {
  const int model = number / 1000;
  number %= 1000;
  switch (Random(6)) {
    case 0:
      field->name = NewName("f");
      break;
    case 1: {
      // With another of the model.
      auto other = current_[model].fields.begin();
      std::advance(other, Random(current_[model].fields.size()));
      std::swap(field->name, other->second.name);
      break;
    }
    case 2:
      field->live = !field->live;
      // The database never hears of what else became of one that goes: its column stays as it is,
      // and so do the values that records get there meanwhile.
      if (!field->live && number < fresh_) field->optional = before_[model].fields[number].optional;
      break;
    case 3:
      field->indexed = !field->indexed;
      break;
    case 4:
      if (field->live) Widen(field);
      break;
    default:
      if (field->live) TogglePresence(model, number, field);
  }
}

void SchemaHistory::Widen(Field* field) {
  const std::vector<std::string> wider = WiderThan(field->type);
  if (!wider.empty()) field->type = wider[Random(wider.size())];
}

void SchemaHistory::TogglePresence(int model, int number, Field* field) {
  if (number >= fresh_) return;  // Not in the database yet: nothing is there.
  if (field->optional) {
    for (const auto& [id, record] : records_[model]) {
      if (record.count(number) == 0) return;
    }
  } else {
    // What could not be absent is there.
    for (auto& [id, record] : records_[model]) record.emplace(number, Zero(field->type));
  }
  field->optional = !field->optional;
}

std::string SchemaHistory::Value(const Field& field) {
  if (IsText(field.type)) return absl::StrCat("'v", Random(1000), "'");
  if (field.type == "bool") return Random(2) == 0 ? "1" : "0";
  if (field.type == "float" || field.type == "double") return absl::StrCat(Random(100), ".5");
  const std::string digits = absl::StrCat(Random(2'000'000'000));
  return field.type[0] == 'u' || Random(2) == 0 ? digits : absl::StrCat("-", digits);
}

std::string SchemaHistory::FieldsText(const Model& model, const Record& record) {
  std::string text;
  for (const auto& [number, field] : model.fields) {
    const auto value = record.find(number);
    if (!field.live || value == record.end()) continue;
    std::string shown = value->second;
    if (field.type == "bool") shown = shown == "1" ? "true" : "false";
    absl::StrAppend(&text, " ", field.name, ": ", shown);
  }
  return text;
}

std::vector<Row> SchemaHistory::Rows(const Version& version) const {
  std::vector<Row> rows;
  for (const auto& [number, model] : version) {
    const auto records = records_.find(number);
    if (!model.live || records == records_.end()) continue;
    for (const auto& [id, record] : records->second) {
      rows.push_back({model.name, absl::StrCat("id: ", id, FieldsText(model, record))});
    }
  }
  return rows;
}

void SchemaHistory::ChangeRecords(const Version& version, std::vector<Row>* upserts,
                                  std::vector<Row>* deletes) {
  for (const auto& [number, model] : version) {
    if (!model.live) continue;
    auto& records = records_[number];
    const std::int64_t last_old = last_ids_[number];
    for (std::uint64_t changes = Random(6); changes > 0; --changes) {
      if (Random(4) == 0 && !records.empty()) {
        auto record = records.begin();
        std::advance(record, Random(records.size()));
        if (record->first > last_old) continue;  // Is not in the store yet.
        deletes->push_back({model.name, absl::StrCat("id: ", record->first)});
        records.erase(record);
        continue;
      }
      const bool old = Random(2) == 0 && !records.empty();
      auto record = records.begin();
      if (old) {
        std::advance(record, Random(records.size()));
      } else {
        record = records.emplace(++last_ids_[number], Record()).first;
      }
      for (const auto& [field_number, field] : model.fields) {
        if (!field.live) continue;
        record->second.erase(field_number);
        if (!field.optional || Random(3) > 0) record->second[field_number] = Value(field);
      }
    }
  }
  for (const auto& [number, model] : version) {
    if (!model.live) continue;
    for (const auto& [id, record] : records_[number]) {
      upserts->push_back({model.name, absl::StrCat("id: ", id, FieldsText(model, record))});
    }
  }
}

}  // namespace kin::testing
