// Prints the models of a random schema as a .proto file, or the code that asks queries of each
// field of them, so that these queries are compiled:
//
//   random_models proto|code SEED PACKAGE
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kin/tests/persistence/sqlite/random_queries/random_schema.h"

namespace kin::testing {
namespace {

// What can be added, and whose least and greatest value of a group is asked for.
bool IsNumber(const FieldSpec& field) {
  constexpr const char* kOthers[] = {"bool",
                                     "Color",
                                     "google.protobuf.Timestamp",
                                     "string",
                                     "bytes",
                                     "google.protobuf.Duration",
                                     "google.protobuf.BoolValue",
                                     "google.protobuf.StringValue",
                                     "google.protobuf.BytesValue"};
  for (const char* other : kOthers) {
    if (field.type == other) return false;
  }
  return field.label != "repeated";
}

// The calls of typed_answers.h for one model.
std::vector<std::string> Calls(const ModelSpec& model, Dice* dice) {
  std::vector<std::string> calls;
  std::vector<std::string> numbers;
  for (const FieldSpec& field : model.fields) {
    if (IsNumber(field)) numbers.push_back(field.name);
  }
  const auto call = [&](const char* function, const std::string& first, const std::string& second) {
    calls.push_back(absl::StrCat(function, "(asked, ", model.name, "Model::", first,
                                 second.empty() ? "" : absl::StrCat(", ", model.name, "Model::"),
                                 second, ")"));
  };
  // Not all of each, for the compiler takes its time with them.
  for (const FieldSpec& field : model.fields) {
    if (field.label == "repeated") continue;
    if (numbers.empty() || dice->Once(2)) {
      call("CompareField", field.name, "");
    } else {
      call("CompareGroups", field.name, dice->From(numbers));
    }
  }
  for (const std::string& number : numbers) {
    if (dice->Once(2)) call("CompareNumber", number, "");
  }
  for (const AssociationSpec& association : model.associations) {
    if (dice->Once(2)) call("CompareAssociation", association.name, "");
  }
  return calls;
}

std::string File(const std::string& package, const std::string& models) {
  std::string file = absl::StrCat("syntax = \"proto3\";\npackage ", package, ";\n");
  for (const auto& [part, name] :
       {std::pair("google.protobuf.Duration ", "google/protobuf/duration.proto"),
        {"google.protobuf.Timestamp ", "google/protobuf/timestamp.proto"},
        {"Value ", "google/protobuf/wrappers.proto"},
        {"kin.model", "kin/options.proto"}}) {
    if (absl::StrContains(models, part)) absl::StrAppend(&file, "import \"", name, "\";\n");
  }
  return absl::StrCat(file, models);
}

void PrintCode(const std::vector<ModelSpec>& models, std::uint64_t seed, const std::string& package,
               Dice* dice) {
  std::string names;
  std::string asking;
  std::string updating;
  std::string deleting;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string& name = models[i].name;
    absl::StrAppend(&names, i == 0 ? "" : ", ", name);
    const std::vector<std::string> calls = Calls(models[i], dice);
    absl::StrAppend(&asking, "    case ", i, ":\n      switch (asked.dice->Below(", calls.size(),
                    ")) {\n");
    for (std::size_t j = 0; j < calls.size(); ++j) {
      absl::StrAppend(&asking, "        case ", j, ":\n          return ", calls[j], ";\n");
    }
    absl::StrAppend(&asking, "      }\n      return;\n");
    absl::StrAppend(&updating, "    case ", i, ":\n      return QueryOf<", name,
                    ">(*txn, asked).UpdateAll(change);\n");
    absl::StrAppend(&deleting, "    case ", i, ":\n      return QueryOf<", name,
                    ">(*txn, asked).DeleteAll();\n");
  }
  std::cout << "#include \"kin/tests/persistence/sqlite/random_queries/typed_answers.h\"\n"
            << "#include \"tests/persistence/sqlite/random_queries/" << package << ".kin.h\"\n\n"
            << "namespace kin::testing {\nnamespace {\n\nusing namespace ::" << package << ";\n\n"
            << "void Ask(const Asked& asked) {\n  switch (asked.model) {\n"
            << asking << "  }\n}\n\n"
            << "absl::StatusOr<std::int64_t> Update(const Asked& asked, Transaction* txn,\n"
            << "                                    const Changing& change) {\n"
            << "  switch (asked.model) {\n"
            << updating << "  }\n  return -1;\n}\n\n"
            << "absl::StatusOr<std::int64_t> Delete(const Asked& asked, Transaction* txn) {\n"
            << "  switch (asked.model) {\n"
            << deleting << "  }\n  return -1;\n}\n\n}  // namespace\n\n"
            << "TypedModels TypedModelsOf_" << package << "() {\n"
            << "  const auto find = [](const std::string& name) {\n"
            << "    return T0::descriptor()->file()->FindMessageTypeByName(name);\n  };\n"
            << "  return {" << seed << "u, Schema::Of<" << names
            << ">(), find, Ask, Update, Delete};\n"
            << "}\n\n}  // namespace kin::testing\n";
}

}  // namespace
}  // namespace kin::testing

int main(int argc, char** argv) {
  std::uint64_t seed = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[2], &seed)) return 1;
  kin::testing::Dice dice(seed);
  const std::vector<kin::testing::ModelSpec> models = kin::testing::RandomModels(&dice);
  if (std::string(argv[1]) == "proto") {
    std::cout << kin::testing::File(argv[3], kin::testing::ProtoText(models));
  } else {
    kin::testing::PrintCode(models, seed, argv[3], &dice);
  }
  return 0;
}
