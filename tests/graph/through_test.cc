// Mistakes in associations through others.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/protos.h"

namespace kin::graph {
namespace {

using ::testing::ElementsAre;

// A User with `options`, its memberships, and the groups they are of.
std::string UserWith(absl::string_view options) {
  return absl::StrCat("message User {\n", options, R"(
        option (kin.model).has_many = { name: "memberships" };
        int64 id = 1;
      }
      message Membership {
        option (kin.model) = { primary_key: ["user_id", "group_id"] };
        int64 user_id = 1 [(kin.field).belongs_to = {}];
        int64 group_id = 2 [(kin.field).belongs_to = {}];
      }
      message Group { option (kin.model) = {}; int64 id = 1; })");
}

TEST(ThroughTest, LeadsThroughAnAssociationThatExists) {
  EXPECT_THAT(
      Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_many = { name: "groups" through: "membership" };
        /*!*/option (kin.model).has_many = { name: "others" through: "posts" };)")),
      ElementsAre(
          "has_many \"groups\": there is no association \"membership\" to go through; did you "
          "mean \"memberships\"?",
          "has_many \"others\": there is no association \"posts\" to go through; p.User has "
          "\"groups\", \"others\" and \"memberships\""));
}

TEST(ThroughTest, TheSourceExists) {
  EXPECT_THAT(
      Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_many = { name: "teams" through: "memberships" };
        /*!*/option (kin.model).has_many = {
          name: "groups" through: "memberships" source: "grup" };)")),
      ElementsAre(
          "has_many \"teams\" goes through p.Membership, which has no association \"teams\" "
          "nor \"team\"; p.Membership has \"user\" and \"group\"; write source: \"…\"",
          "has_many \"groups\" goes through p.Membership, which has no association \"grup\"; "
          "did you mean \"group\"?"));
}

TEST(ThroughTest, DoesNotLeadInACircle) {
  EXPECT_THAT(
      Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_many = { name: "as" through: "bs" };
        option (kin.model).has_many = { name: "bs" through: "as" };
        option (kin.model).has_many = { name: "cs" through: "bs" };)")),
      ElementsAre("has_many \"as\" leads through itself: p.User.as -> p.User.bs -> p.User.as; "
                  "write a through and source that end at a direct association"));
  EXPECT_THAT(Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_many = { name: "as" through: "as" };)")),
              ElementsAre("has_many \"as\" leads through itself: p.User.as -> p.User.as; write a "
                          "through and source that end at a direct association"));
}

TEST(ThroughTest, TheSourceDoesNotLeadInACircle) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        /*!*/option (kin.model) = { has_many: { name: "friends" model: "User" } };
        option (kin.model).has_many = { name: "circle" through: "friends" source: "circle" };
        int64 id = 1;
        optional int64 user_id = 2;
      })"),
      ElementsAre("has_many \"circle\" leads through itself: p.User.circle -> p.User.circle; "
                  "write a through and source that end at a direct association"));
}

TEST(ThroughTest, TheModelIsWhereItLeads) {
  EXPECT_THAT(Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_many = {
          name: "groups" model: "User" through: "memberships" };
        /*!*/option (kin.model).has_many = {
          name: "teams" model: "Team" through: "memberships" source: "group" };)")),
              ElementsAre("has_many \"groups\" leads through p.Membership.group to p.Group, not to "
                          "p.User; write model: \"Group\", or another source",
                          "has_many \"teams\": there is no model \"Team\""));
}

TEST(ThroughTest, HasNoKeysOfItsOwn) {
  EXPECT_THAT(
      Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_many = {
          name: "groups" through: "memberships" foreign_key: "user_id" };
        /*!*/option (kin.model).has_many = {
          name: "teams" through: "memberships" source: "group" own_key: "id" };)")),
      ElementsAre(
          "has_many \"groups\" goes through \"memberships\", which has the keys already; remove "
          "foreign_key",
          "has_many \"teams\" goes through \"memberships\", which has the keys already; remove "
          "own_key"));
}

TEST(ThroughTest, ASourceNeedsAThrough) {
  EXPECT_THAT(Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_many = { name: "groups" source: "group" };)")),
              ElementsAre("has_many \"groups\" has source but no through; write through: \"…\", or "
                          "remove source"));
}

TEST(ThroughTest, AHasOneThroughSeveralCannotBeUnique) {
  EXPECT_THAT(Diagnose(UserWith(R"(
        /*!*/option (kin.model).has_one = { name: "group" through: "memberships" unique: true };)")),
              ElementsAre("has_one \"group\" leads through a has_many and cannot be unique; write "
                          "unique: false, to show the record with the lowest key, or has_many"));
}

TEST(ThroughTest, WhatLeadsThroughAMistakeIsSilent) {
  EXPECT_THAT(Diagnose(R"(
      message User {
        /*!*/option (kin.model).has_many = { name: "memberships" model: "Membershp" };
        option (kin.model).has_many = { name: "groups" through: "memberships" };
        option (kin.model).has_many = { name: "others" through: "groups" source: "whatever" };
        int64 id = 1;
      }
      message Membership {
        option (kin.model) = { primary_key: ["user_id", "group_id"] };
        int64 user_id = 1 [(kin.field).belongs_to = {}];
        int64 group_id = 2 [(kin.field).belongs_to = { model: "User" }];
      })"),
              ElementsAre("has_many \"memberships\": there is no model \"Membershp\"; did you mean "
                          "\"Membership\"?"));
}

}  // namespace
}  // namespace kin::graph
