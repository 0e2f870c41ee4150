#include "kin/store/internal/errors.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"

namespace kin::internal {

using google::protobuf::Message;

std::string FieldNames(const graph::FieldList& fields) {
  if (fields.size() == 1) return fields[0]->name();
  std::string names = "(";
  for (const google::protobuf::FieldDescriptor* field : fields) {
    absl::StrAppend(&names, names.size() > 1 ? ", " : "", field->name());
  }
  return names + ")";
}

absl::Status TakenError(const Table& table, int index, const Message& record,
                        const Message& holder) {
  const graph::FieldList& fields = table.keys(index).fields();
  const bool foreign_key = table.model().indexes[index].foreign_key;
  return absl::AlreadyExistsError(absl::StrCat(
      table.NameOf(record), ".", FieldNames(fields), ": the value ", FieldValues(record, fields),
      " is unique, and ", table.NameOf(holder), " has it",
      foreign_key ? "; Set replaces the child of a has_one" : "; change that record first"));
}

std::string MissingParentText(const Engine::Link& link, const Message& child) {
  return absl::StrCat(link.child->NameOf(child), ".", FieldNames(link.key->fields),
                      ": there is no ", link.parent->model().name, " with ",
                      FieldNames(link.key->own_key), " ", FieldValues(child, link.key->fields),
                      "; insert it in the same transaction",
                      link.key->optional ? ", or leave the foreign key absent" : "");
}

std::string RestrictedText(const Engine::Link& link, const Message& parent,
                           const std::vector<Version*>& children) {
  return absl::StrCat(link.parent->NameOf(parent), ": it cannot be deleted, or change its ",
                      FieldNames(link.key->own_key), ", while ", children.size(), " ",
                      link.child->model().name, children.size() == 1 ? " has" : " have", " it as ",
                      FieldNames(link.key->fields), " (such as ",
                      link.child->NameOf(*link.child->MessageOf(children.front())),
                      "); delete or change these in the same transaction, or declare on_delete: "
                      "CASCADE");
}

}  // namespace kin::internal
