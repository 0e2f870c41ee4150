#include "kin/store/query/internal/cursor.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/base/internal/raw_logging.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kin/store/internal/engine.h"
#include "kin/store/query/query.h"

namespace kin::query::internal {
namespace {

using ::kin::internal::Cell;
using ::kin::internal::KeyParts;
using ::kin::internal::LineTable;
using ::kin::internal::PrefetchVersion;
using ::kin::internal::VisibleAt;

// How many of a node's bytes are the index's own key, before the record's.
std::size_t KeyLength(absl::string_view bytes, const graph::FieldList& fields) {
  std::size_t at = 0;
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      at += 8;
      continue;
    }
    while (bytes[at] != '\0' || bytes[at + 1] != '\0') at += bytes[at] == '\0' ? 2 : 1;
    at += 2;
  }
  return at;
}

}  // namespace

bool Interrupt::Look() {
  if (options_->cancelled != nullptr && options_->cancelled->load(std::memory_order_relaxed)) {
    status_ = absl::CancelledError("the query was cancelled");
  } else if (options_->deadline != absl::InfiniteFuture()) {
    const absl::Time now = options_->clock != nullptr ? options_->clock() : absl::Now();
    if (now >= options_->deadline) {
      status_ = absl::DeadlineExceededError(
          absl::StrCat("the query was not finished at its deadline, ",
                       absl::FormatTime(options_->deadline, absl::UTCTimeZone())));
    }
  }
  return !status_.ok();
}

void InvalidQuery(const absl::Status& status) {
  ABSL_RAW_LOG(FATAL, "kin: a query that is not valid was asked; see its status(): %s",
               status.ToString().c_str());
  std::abort();
}

Cursor::Cursor(const Plan& plan, Interrupt* interrupt) : Cursor(plan, plan.path(), interrupt) {}

Cursor::Cursor(const Plan& plan, const Path& path, Interrupt* interrupt)
    : plan_(plan),
      path_(path),
      table_(*plan.request().table),
      view_(*plan.request().view),
      limit_(view_.Limit()),
      interrupt_(interrupt) {
  switch (path.kind) {
    case Path::Kind::kScan:
      // In this order: see HashIndex::AllShown.
      // A transaction may change what is still ahead.
      shown_limit_ = view_.transaction || table_.primary().HasTombstones() ? 0 : limit_;
      lines_ = table_.primary().lines();
      break;
    case Path::Kind::kJoin:
      CollectJoin();
      break;
    case Path::Kind::kUnion:
      CollectUnion();
      break;
    default:
      break;
  }
  CollectIntersected();
}

int Cursor::Next(const Version** out) {
  return others_.empty() ? NextOfPath(out) : NextVisible(out);
}

int Cursor::NextVisible(const Version** out) {
  for (;;) {
    const int entries = NextOfPath(out);
    if (entries == 0) return 0;
    int size = shown_ ? entries : 0;
    for (int i = 0; i < entries && !shown_; ++i) {
      for (auto [next, end] = AheadOf(i, entries); next < end; ++next) PrefetchVersion(out[next]);
      const Version* version = VisibleAt(out[i], limit_);
      if (version != nullptr) out[size++] = version;
    }
    const auto missing = [&](const Version* version) {
      return !std::all_of(others_.begin(), others_.end(),
                          [&](const VersionSet& other) { return other.contains(version); });
    };
    size = static_cast<int>(std::remove_if(out, out + size, missing) - out);
    if (size != 0) {
      shown_ = true;
      return size;
    }
    if (Stopped()) return 0;
  }
}

int Cursor::NextOfPath(const Version** out) {
  switch (path_.kind) {
    case Path::Kind::kNothing:
      return 0;
    case Path::Kind::kScan:
      return NextOfScan(out);
    case Path::Kind::kLookup:
      return NextOfLookup(out);
    case Path::Kind::kRange:
      return path_.backward ? NextBackward(out) : NextOfRange(out);
    case Path::Kind::kJoin:
    case Path::Kind::kUnion:
      return NextCollected(out);
  }
  return 0;
}

int Cursor::NextOfScan(const Version** out) {
  int entries = 0;
  while (entries == 0 && bucket_ < lines_->buckets()) {
    for (; bucket_ < lines_->buckets() && entries + LineTable::kSlots <= kBatch; ++bucket_) {
      LineTable::ForEach(lines_->bucket(bucket_),
                         [&](Cell cell) { out[entries++] = kin::internal::EntryIn(cell); });
    }
  }
  shown_ = table_.primary().AllShown(shown_limit_);
  return entries;
}

bool Cursor::HasKey(const Version* version) const {
  KeyParts key;
  return table_.keys(path_.index).Read(*table_.MessageOf(version), &key) &&
         key == path_.keys[key_ - 1];
}

int Cursor::StartKey(const KeyParts& key, const Version** out) {
  const std::uint64_t hash = HashParts(key);
  const HashIndex& index = table_.index(path_.index);
  int size = 0;
  index.lines()->Find(hash, [&](Cell cell) {
    if (kin::internal::IsList(cell)) {
      const kin::internal::PostingArray* array = kin::internal::ArrayIn(cell);
      if (array->hash != hash) return false;
      if (!MayHoldKey(table_, path_.index, *array->list, key)) return true;
      StartList(array);
      return true;
    }
    const Version* version = index.Visible(hash, kin::internal::EntryIn(cell), limit_);
    if (version == nullptr || !HasKey(version)) return false;
    out[size++] = version;
    return true;
  });
  return size;
}

void Cursor::StartList(const kin::internal::PostingArray* array) {
  list_ = array->list;
  array_ = array;
  // Before its entries are read.
  list_shown_ = view_.transaction || array->has_markers() ? 0 : limit_;
  used_ = array->used.load(std::memory_order_acquire);
  position_ = 0;
  judge_keys_ = false;
}

int Cursor::NextOfList(const Version** out, int size) {
  const std::uint64_t hash = array_->hash;
  const HashIndex& index = table_.index(path_.index);
  const bool first = position_ == 0;
  int entries = size;
  for (; position_ < used_ && entries < kBatch; ++position_) {
    const Version* entry = array_->entries()[position_].load(std::memory_order_acquire);
    if (entry == nullptr) continue;
    out[entries++] = entry;
  }
  // Another key may have the same hash, and the list be of that, or of both.
  if (first && entries > size) {
    const Version* version = index.Visible(hash, out[size], limit_);
    judge_keys_ = version == nullptr || !HasKey(version);
  }
  judge_keys_ = judge_keys_ || list_->mixed();
  if (!judge_keys_ && array_->AllShown(list_shown_)) {
    size = entries;
  } else {
    for (int i = size; i < entries; ++i) PrefetchVersion(out[i]);
    for (int i = size; i < entries; ++i) {
      const Version* entry = out[i];
      const Version* version = index.Visible(hash, entry, limit_);
      if (version == nullptr) continue;
      // The newest version has the key of the list, unless that has several.
      if ((judge_keys_ || version != entry) && !HasKey(version)) continue;
      out[size++] = version;
    }
  }
  if (position_ >= used_) list_ = nullptr;
  return size;
}

int Cursor::NextOfLookup(const Version** out) {
  int size = 0;
  std::uint32_t visited = 0;  // Keys, and entries of lists; perhaps without a record among them.
  while (size < kBatch) {
    if (visited >= kBatch) {
      if (Stopped()) return 0;
      visited = 0;
    }
    if (list_ != nullptr) {
      const std::uint32_t before = position_;
      size = NextOfList(out, size);
      visited += position_ - before;
    } else if (key_ < path_.keys.size()) {
      ++visited;
      const KeyParts& key = path_.keys[key_++];
      size += StartKey(key, out + size);
    } else {
      break;
    }
  }
  return size;
}

int Cursor::NextOfRange(const Version** out) {
  const OrderedIndex& ordered = *table_.ordered(path_.index);
  if (!started_) {
    started_ = true;
    place_ = path_.start.at_end() ? ordered.Seek(path_.begin) : path_.start;
  }
  const std::int64_t wanted = plan_.request().wanted;
  const auto room = static_cast<std::size_t>(
      wanted < 0 ? kBatch : std::clamp<std::int64_t>(wanted, kFew, kBatch));
  OrderedIndex::Entry entries[kBatch];
  int size = 0;
  while (size == 0 && !place_.at_end()) {
    const std::size_t gathered = ordered.Gather(&place_, path_.end, absl::MakeSpan(entries, room));
    for (std::size_t i = 0; i < gathered; ++i) {
      const Version* version = ordered.Visible(entries[i], limit_);
      if (version != nullptr) out[size++] = version;
    }
    if (size == 0 && Stopped()) break;
  }
  return size;
}

void Cursor::FillGroup() {
  const OrderedIndex& ordered = *table_.ordered(path_.index);
  const OrderedIndex::Node* last =
      end_.empty() && !started_ ? ordered.Last() : ordered.Before(end_);
  started_ = true;
  if (last == nullptr || last->bytes() < path_.begin) {
    node_ = nullptr;
    return;
  }
  node_ = last;
  if (path_.ties_backward) {
    group_.push_back(last);
    end_ = std::string(last->bytes());
    return;
  }
  const graph::FieldList& fields = table_.model().indexes[path_.index].fields;
  const std::string key(last->bytes().substr(0, KeyLength(last->bytes(), fields)));
  for (const OrderedIndex::Node* node = ordered.LowerBound(std::max(key, path_.begin));
       node != nullptr && node->bytes() <= last->bytes(); node = node->next()) {
    group_.push_back(node);
  }
  std::reverse(group_.begin(), group_.end());  // Taken from the end.
  end_ = key;
}

int Cursor::NextBackward(const Version** out) {
  const OrderedIndex& ordered = *table_.ordered(path_.index);
  if (!started_) end_ = path_.end;
  int size = 0;
  while (size < kBatch) {
    if (group_.empty()) {
      if (started_ && (node_ == nullptr || end_ <= path_.begin)) break;
      if (size == 0 && Stopped()) break;
      FillGroup();
      if (group_.empty()) continue;  // What was there has been unlinked since; on before it.
    }
    const Version* version = ordered.Visible(*group_.back(), limit_);
    group_.pop_back();
    if (version != nullptr) out[size++] = version;
    // A reader that wants few must not pay for many.
    if (size > 0 && size >= plan_.request().wanted && plan_.request().wanted >= 0) break;
  }
  return size;
}

int Cursor::NextCollected(const Version** out) {
  const std::size_t left = collected_.size() - next_collected_;
  const int size = static_cast<int>(std::min<std::size_t>(left, kBatch));
  for (int i = 0; i < size; ++i) {
    out[i] = collected_[next_collected_++];
  }
  return size;
}

void Cursor::CollectJoin() {
  const Table& targets = *path_.targets->request().table;
  Cursor cursor(*path_.targets, interrupt_);
  VersionSet seen;
  const Version* batch[kBatch];
  std::uint64_t met = 0;
  const auto collect = [&](const Version* owner) {
    if (seen.insert(owner).second) collected_.push_back(owner);
    return ++met % kBatch != 0 || !Stopped();
  };
  while (const int size = cursor.NextVisible(batch)) {
    if (Stopped()) return;
    for (int i = 0; i < size; ++i) {
      for (auto [next, end] = AheadOf(i, size); next < end; ++next) PrefetchVersion(batch[next]);
      if (!ForEachOwner(view_, *path_.association, *targets.MessageOf(batch[i]), collect)) return;
    }
  }
}

void Cursor::CollectUnion() {
  VersionSet seen;
  const Version* batch[kBatch];
  for (const Path& part : path_.parts) {
    Cursor cursor(plan_, part, interrupt_);
    while (const int size = cursor.NextVisible(batch)) {
      if (Stopped()) return;
      for (int i = 0; i < size; ++i) {
        if (seen.insert(batch[i]).second) collected_.push_back(batch[i]);
      }
    }
  }
}

void Cursor::CollectIntersected() {
  const Version* batch[kBatch];
  for (const Path& other : path_.intersected) {
    VersionSet& set = others_.emplace_back();
    Cursor cursor(plan_, other, interrupt_);
    while (const int size = cursor.NextVisible(batch)) {
      if (Stopped()) return;
      set.insert(batch, batch + size);
    }
  }
}

}  // namespace kin::query::internal
