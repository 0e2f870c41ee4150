// The code of docs/associations.md, which is compared with this file, and the SQL that it shows.
#include <sqlite3.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/persistence/sqlite.h"
#include "kin/store/store.h"
#include "kin/tests/testing/temp_dir.h"
#include "tests/docs/associations.kin.h"

namespace library {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

kin::Schema LibrarySchema() {
  return kin::Schema::Of<Author, Address, Book, Genre, BookGenre, Shelf, Copy, Loan, Remark>();
}

Author NewAuthor(const std::string& name) {
  Author author;
  author.set_name(name);
  return author;
}

Book NewBook(const std::string& title) {
  Book book;
  book.set_title(title);
  return book;
}

class AssociationsDocTest : public ::testing::Test {
 protected:
  AssociationsDocTest() {
    Write([](kin::Transaction& txn) -> absl::Status {
      AuthorRef ursula = txn.Insert(NewAuthor("Ursula")).value();
      AuthorRef ted = txn.Insert(NewAuthor("Ted")).value();
      for (const char* title : {"A Wizard", "The Tombs"}) {
        if (auto s = txn.Add(ursula, AuthorModel::books, NewBook(title)).status(); !s.ok())
          return s;
      }
      return txn.Add(ted, AuthorModel::books, NewBook("Exhalation")).status();
    });
  }
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  void Write(absl::FunctionRef<absl::Status(kin::Transaction&)> body) {
    EXPECT_EQ(store_->Write(body).status(), absl::OkStatus());
  }

  std::unique_ptr<kin::Store> store_ = *kin::Store::Open(LibrarySchema());
  std::vector<std::string> used_;
  void Use(const std::string& text) { used_.push_back(text); }
};

TEST_F(AssociationsDocTest, BelongsTo) {
  kin::Snapshot snapshot = store_->GetSnapshot();
  // clang-format off
  BookRef book = snapshot.Find<Book>(1);
  Use(book.author()->name());
  if (AuthorRef editor = book.editor()) Use(editor->name());      // Optional: perhaps empty.
  // clang-format on
  EXPECT_THAT(used_, ElementsAre("Ursula"));
}

TEST_F(AssociationsDocTest, HasMany) {
  Write([&](kin::Transaction& txn) -> absl::Status {
    // clang-format off
    AuthorRef ursula = txn.Find<Author>(1);
    for (BookRef book : ursula.books()) Use(book->title());
    absl::StatusOr<BookRef> third = txn.Add(ursula, AuthorModel::books, NewBook("The Shore"));
    if (!third.ok()) return third.status();
    absl::Status edited = txn.Add(txn.Find<Author>(2), AuthorModel::edited, *third).status();
    if (!edited.ok()) return edited;
    return txn.Remove(txn.Find<Author>(2), AuthorModel::edited, *third);   // editor_id is absent again.
    // clang-format on
  });
  EXPECT_THAT(used_, UnorderedElementsAre("A Wizard", "The Tombs"));
  EXPECT_EQ(store_->GetSnapshot().Find<Author>(1).books().size(), 3u);
}

TEST_F(AssociationsDocTest, HasOne) {
  Write([&](kin::Transaction& txn) -> absl::Status {
    // clang-format off
    AuthorRef ursula = txn.Find<Author>(1);
    Address address; address.set_text("Portland");
    absl::StatusOr<AddressRef> set = txn.Set(ursula, AuthorModel::address, std::move(address));
    if (!set.ok()) return set.status();
    Use(ursula.address()->text());
    absl::Status cleared = txn.Clear(ursula, AuthorModel::address);        // Required there: it is deleted.
    Use(ursula.first_book()->title());                                     // That with the lowest key.
    // clang-format on
    return cleared;
  });
  EXPECT_THAT(used_, ElementsAre("Portland", "A Wizard"));
}

TEST_F(AssociationsDocTest, Self) {
  Write([&](kin::Transaction& txn) -> absl::Status {
    // clang-format off
    BookRef wizard = txn.Find<Book>(1);
    absl::Status set = txn.Set(wizard, BookModel::sequel, txn.Find<Book>(2)).status();
    if (!set.ok()) return set;
    Use(wizard.sequel().sequel_of()->title());
    // clang-format on
    return absl::OkStatus();
  });
  EXPECT_THAT(used_, ElementsAre("A Wizard"));
}

TEST_F(AssociationsDocTest, Through) {
  Write([&](kin::Transaction& txn) -> absl::Status {
    // clang-format off
    Genre fantasy; fantasy.set_name("fantasy");
    absl::StatusOr<GenreRef> genre = txn.Add(txn.Find<Book>(1), BookModel::genres, std::move(fantasy));
    if (!genre.ok()) return genre.status();
    absl::Status added = txn.Add(*genre, GenreModel::books, txn.Find<Book>(2)).status();
    if (!added.ok()) return added;
    for (GenreRef each : txn.Find<Author>(1).genres()) Use(each->name());   // Once, by however many books.
    return txn.Remove(txn.Find<Book>(1), BookModel::genres, *genre);        // The genre stays.
    // clang-format on
  });
  EXPECT_THAT(used_, ElementsAre("fantasy"));
  EXPECT_EQ(store_->GetSnapshot().Count<BookGenre>(), 1);
}

TEST_F(AssociationsDocTest, OwnKey) {
  Write([&](kin::Transaction& txn) -> absl::Status {
    // clang-format off
    Shelf shelf; shelf.set_code("F-7");
    absl::StatusOr<ShelfRef> inserted = txn.Insert(std::move(shelf));
    if (!inserted.ok()) return inserted.status();
    absl::StatusOr<BookRef> book = txn.Add(*inserted, ShelfModel::books, txn.Find<Book>(1));
    if (!book.ok()) return book.status();
    Use((*book)->shelf_code());
    // clang-format on
    return absl::OkStatus();
  });
  EXPECT_THAT(used_, ElementsAre("F-7"));
}

TEST_F(AssociationsDocTest, Composite) {
  Write([&](kin::Transaction& txn) -> absl::Status {
    // clang-format off
    Copy copy; copy.set_number(2);
    absl::StatusOr<CopyRef> second = txn.Add(txn.Find<Book>(1), BookModel::copies, std::move(copy));
    if (!second.ok()) return second.status();
    absl::StatusOr<LoanRef> loan = txn.Add(*second, CopyModel::loans, Loan());
    if (!loan.ok()) return loan.status();
    CopyRef same = txn.Find<Copy>(1, 2);                                    // One argument a part.
    Use(same.book()->title());
    // clang-format on
    EXPECT_EQ(same, loan->copy());
    return absl::OkStatus();
  });
  EXPECT_THAT(used_, ElementsAre("A Wizard"));
}

TEST_F(AssociationsDocTest, Polymorphic) {
  Write([&](kin::Transaction& txn) -> absl::Status {
    // clang-format off
    Remark remark; remark.set_author_id(2);
    absl::StatusOr<RemarkRef> made = txn.Insert(std::move(remark));
    if (!made.ok()) return made.status();
    std::variant<std::monostate, BookRef, AuthorRef> subject = made->subject();
    if (auto* author = std::get_if<AuthorRef>(&subject)) Use((*author)->name());
    // clang-format on
    return absl::OkStatus();
  });
  EXPECT_THAT(used_, ElementsAre("Ted"));
}

// With KIN_UPDATE=<folder> the file is written there.
TEST(AssociationsSqlTest, TheTablesAreThoseOfTheFile) {
  kin::testing::TempDir dir;
  const std::string path = dir.File("library.db");
  {
    auto store = kin::Store::Open(LibrarySchema(), {.persistence = kin::Sqlite(path)});
    ASSERT_TRUE(store.ok()) << store.status();
  }
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &connection), SQLITE_OK);
  std::string sql;
  const auto append = [](void* text, int, char** values, char**) {
    *static_cast<std::string*>(text) += std::string(values[0]) + ";\n";
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(connection,
                         "SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE "
                         "'\\_kin%' ESCAPE '\\' ORDER BY type DESC, name",
                         append, &sql, nullptr),
            SQLITE_OK);
  sqlite3_close(connection);
  if (const char* folder = std::getenv("KIN_UPDATE"); folder != nullptr) {
    std::ofstream(std::string(folder) + "/associations.sql") << sql;
  }
  std::ifstream golden("tests/docs/associations.sql");
  EXPECT_EQ(sql, std::string(std::istreambuf_iterator<char>(golden), {}));
}

}  // namespace
}  // namespace library
