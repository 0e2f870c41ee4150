#include <utility>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "kin/proto/graph/graph.h"

namespace kin::graph {
namespace {

TEST(NamesTest, SnakeCaseSeparatesWords) {
  EXPECT_EQ(SnakeCase("UserInfo"), "user_info");
  EXPECT_EQ(SnakeCase("HTTPServer"), "http_server");
  EXPECT_EQ(SnakeCase("MyHTTPServer"), "my_http_server");
  EXPECT_EQ(SnakeCase("Outer_Inner"), "outer_inner");
  EXPECT_EQ(SnakeCase("Base64Text"), "base64_text");
  EXPECT_EQ(SnakeCase("lower"), "lower");
  EXPECT_EQ(SnakeCase("X"), "x");
  EXPECT_EQ(SnakeCase(""), "");
}

TEST(NamesTest, CamelCaseJoinsWords) {
  EXPECT_EQ(CamelCase("user_info"), "UserInfo");
  EXPECT_EQ(CamelCase("user"), "User");
  EXPECT_EQ(CamelCase("a_b2_c"), "AB2C");
  EXPECT_EQ(CamelCase(""), "");
}

TEST(NamesTest, PluralAndSingularAreInverse) {
  constexpr std::pair<absl::string_view, absl::string_view> kWords[] = {
      {"user", "users"},
      {"user_info", "user_infos"},
      {"membership", "memberships"},
      {"box", "boxes"},
      {"category", "categories"},
      {"person", "people"},
      {"sales_person", "sales_people"},
      {"class", "classes"},
      {"status", "statuses"},
      {"index", "indexes"},
      {"day", "days"},
      {"key", "keys"},
      {"bus", "buses"},
      {"virus", "viruses"},
      {"house", "houses"},
      {"cause", "causes"},
      {"database", "databases"},
      {"response", "responses"},
      {"address", "addresses"},
      {"branch", "branches"},
      {"cache", "caches"},
      {"dish", "dishes"},
      {"analysis", "analyses"},
      {"basis_point", "basis_points"},
      {"crisis", "crises"},
      {"matrix", "matrices"},
      {"child", "children"},
      {"grandchild", "grandchildren"},
      {"salesperson", "salespeople"},
      {"bookshelf", "bookshelves"},
      {"submatrix", "submatrices"},
      {"axis", "axes"},
      {"leaf", "leaves"},
      {"archive", "archives"},
      {"size", "sizes"},
      {"quiz", "quizzes"},
      {"photo", "photos"},
      {"hero", "heroes"},
      {"series", "series"},
      {"metadata", "metadata"},
      {"movie", "movies"},
      {"alias", "aliases"},
      {"tax", "taxes"},
      {"use", "uses"},
      {"node", "nodes"},
      {"process", "processes"},
      {"query", "queries"},
  };
  for (const auto& [one, many] : kWords) {
    EXPECT_EQ(Pluralize(one), many);
    EXPECT_EQ(Singularize(many), one);
    EXPECT_EQ(Pluralize(many), many);
    EXPECT_EQ(Singularize(one), one);
  }
}

TEST(NamesTest, TablesArePluralSnakeCase) {
  EXPECT_EQ(TableName("UserInfo"), "user_infos");
  EXPECT_EQ(TableName("OrderStatus"), "order_statuses");
  EXPECT_EQ(TableName("Settings"), "settings");
  EXPECT_EQ(TableName("class"), "classes");
}

}  // namespace
}  // namespace kin::graph
