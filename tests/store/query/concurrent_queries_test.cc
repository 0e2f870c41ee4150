// Queries beside a writer that changes the keys they go by: by whichever index, a snapshot's
// answers are those of a loop over all of its records. And pages by a key of several fields.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/query/teams.kin.h"

namespace kin {
namespace {

using ::teams_test::Player;
using ::teams_test::PlayerModel;
using ::teams_test::PlayerRef;
using ::teams_test::Seat;
using ::teams_test::SeatModel;
using ::teams_test::SeatRef;
using ::teams_test::Team;
using ::teams_test::TeamModel;
using Ids = std::vector<std::int64_t>;

constexpr int kTransactions = 300;
constexpr std::int64_t kTeams = 5;
constexpr std::int64_t kPlayers = 400;
constexpr std::int64_t kPoints = 50;

std::unique_ptr<Store> OpenStore() { return *Store::Open(Schema::Of<Team, Player, Seat>()); }

Player RandomPlayer(std::int64_t id, std::mt19937_64& random) {
  Player player;
  player.set_id(id);
  player.set_team_id(1 + static_cast<std::int64_t>(random() % kTeams));
  player.set_points(static_cast<std::int64_t>(random() % kPoints));
  player.set_city(absl::StrCat("c", random() % 3));
  return player;
}

// Adds, changes and deletes players: some, or as many as leave whole pages of an index empty.
absl::Status Change(Transaction& txn, std::mt19937_64& random) {
  const bool many = random() % 8 == 0;
  if (many && random() % 2 == 0) {
    const auto from = static_cast<std::int64_t>(random() % kPoints);
    return txn.Query<Player>()
        .Where(PlayerModel::points.Between(from, from + 15))
        .DeleteAll()
        .status();
  }
  for (int i = many ? 200 : 5; i > 0; --i) {
    const auto id = 1 + static_cast<std::int64_t>(random() % kPlayers);
    const PlayerRef player = txn.Find<Player>(id);
    const absl::Status status = player && random() % 4 == 0
                                    ? txn.Delete(player)
                                    : txn.Upsert(RandomPlayer(id, random)).status();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

template <typename Query>
Ids IdsOf(const Query& query) {
  Ids ids;
  for (const auto& [id] : query.Pluck(PlayerModel::id)) ids.push_back(id);
  return ids;
}

// A snapshot, and in a loop over it what it has to answer.
class Reader {
 public:
  Reader(const Snapshot& snapshot, std::uint64_t round) : snapshot_(snapshot), random_(round) {
    for (const PlayerRef player : snapshot.All<Player>()) players_.push_back(player.get());
    std::sort(players_.begin(), players_.end(),
              [](const Player* a, const Player* b) { return Place(*a) < Place(*b); });
  }

  void Read() {
    const auto from = static_cast<std::int64_t>(random_() % kPoints);
    const std::string city = absl::StrCat("c", random_() % 3);
    const auto team = 1 + static_cast<std::int64_t>(random_() % kTeams);
    const auto all = snapshot_.Query<Player>();
    const Ids ranged = Where([&](const Player& p) { return p.points() >= from; });
    const Ids of_city = Where([&](const Player& p) { return p.city() == city; });
    const Ids of_team = Where([&](const Player& p) { return p.team_id() == team; });
    const auto by_points = all.Where(PlayerModel::points >= from).OrderBy(PlayerModel::points);
    EXPECT_EQ(IdsOf(by_points), ranged);
    EXPECT_EQ(IdsOf(by_points.Limit(7)), First(ranged, 7));
    EXPECT_EQ(IdsOf(all.OrderBy(Descending(PlayerModel::points)).Limit(9)), Highest(9));
    const auto in_city = all.Where(PlayerModel::city == city);
    EXPECT_EQ(IdsOf(in_city.OrderBy(PlayerModel::points)), of_city);
    EXPECT_EQ(in_city.Count(), static_cast<std::int64_t>(of_city.size()));
    const auto in_team = all.Where(PlayerModel::team_id == team);
    EXPECT_EQ(in_team.Count(), static_cast<std::int64_t>(of_team.size()));
    EXPECT_EQ(IdsOf(in_team.OrderBy(PlayerModel::points)), of_team);
    EXPECT_EQ(IdsOf(snapshot_.Query<Team>()
                        .Where(TeamModel::id == team)
                        .Follow(TeamModel::players)
                        .OrderBy(PlayerModel::points)),
              of_team);
    EXPECT_EQ(snapshot_.Find<Team>(team).players().size(), of_team.size());
    EXPECT_EQ(all.Count(), static_cast<std::int64_t>(players_.size()));
    if (const PlayerRef last = by_points.Limit(7).Last()) {
      EXPECT_EQ(IdsOf(by_points.After(last).Limit(7)),
                First({ranged.begin() + std::min<long>(7, std::ssize(ranged)), ranged.end()}, 7));
    }
  }

 private:
  static std::pair<std::int64_t, std::int64_t> Place(const Player& p) {
    return {p.points(), p.id()};
  }
  template <typename Is>
  Ids Where(Is is) const {
    Ids ids;
    for (const Player* player : players_) {
      if (is(*player)) ids.push_back(player->id());
    }
    return ids;
  }
  static Ids First(Ids ids, std::size_t size) {
    ids.resize(std::min(ids.size(), size));
    return ids;
  }
  // By points, descending; ties by id, ascending.
  Ids Highest(std::size_t size) const {
    std::vector<const Player*> sorted = players_;
    std::sort(sorted.begin(), sorted.end(), [](const Player* a, const Player* b) {
      return std::pair(-a->points(), a->id()) < std::pair(-b->points(), b->id());
    });
    Ids ids;
    for (const Player* player : sorted) ids.push_back(player->id());
    return First(std::move(ids), size);
  }

  const Snapshot& snapshot_;
  std::mt19937_64 random_;
  std::vector<const Player*> players_;  // By points, then by id.
};

TEST(ConcurrentQueriesTest, AnswersAreThoseOfTheSnapshotWhileKeysChange) {
  const std::unique_ptr<Store> store = OpenStore();
  const auto opened = store->Write([](Transaction& txn) -> absl::Status {
    std::mt19937_64 random(1);
    for (std::int64_t id = 1; id <= kTeams; ++id) {
      Team team;
      team.set_id(id);
      if (absl::Status status = txn.Insert(team).status(); !status.ok()) return status;
    }
    for (std::int64_t id = 1; id <= kPlayers; ++id) {
      absl::Status status = txn.Insert(RandomPlayer(id, random)).status();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(opened.ok()) << opened.status();
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (std::uint64_t thread = 0; thread < 2; ++thread) {
    readers.emplace_back([&, thread] {
      std::uint64_t round = thread;
      do {
        const Snapshot snapshot = store->GetSnapshot();
        // The second time the snapshot is older than what is in the indexes.
        for (int i = 0; i < 2; ++i) Reader(snapshot, round).Read();
        round += 2;
      } while (!done.load() && !::testing::Test::HasFailure());
    });
  }
  std::mt19937_64 random(2);
  for (int i = 0; i < kTransactions; ++i) {
    const bool abort = random() % 8 == 0;
    const auto commit = store->Write([&](Transaction& txn) -> absl::Status {
      absl::Status status = Change(txn, random);
      return status.ok() && abort ? absl::CancelledError("on purpose") : status;
    });
    EXPECT_EQ(commit.ok(), !abort) << commit.status();
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(store->CheckInvariants().ok()) << store->CheckInvariants();
}

TEST(PagesTest, GoOnBehindAKeyOfSeveralFieldsOfWhichOneIsFixed) {
  const std::unique_ptr<Store> store = OpenStore();
  ASSERT_TRUE(store
                  ->Write([](Transaction& txn) -> absl::Status {
                    for (std::int64_t row = 1; row <= 9; ++row) {
                      for (std::int64_t number = 1; number <= 12; ++number) {
                        Seat seat;
                        seat.set_row(row);
                        seat.set_number(number);
                        if (auto status = txn.Insert(seat).status(); !status.ok()) return status;
                      }
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const Snapshot snapshot = store->GetSnapshot();
  using Place = std::pair<std::int64_t, std::int64_t>;
  const auto numbers = [&](const auto& condition, std::int64_t row, std::int64_t number) {
    const auto query =
        snapshot.Query<Seat>().Where(condition).After(snapshot.Find<Seat>(row, number));
    std::vector<Place> found;
    for (const SeatRef seat : query.Limit(100)) found.emplace_back(seat->row(), seat->number());
    const SeatRef last = query.Last();
    EXPECT_EQ(last ? Place(last->row(), last->number()) : Place(),
              found.empty() ? Place() : found.back());
    return found;
  };
  const auto in_row = SeatModel::row == 5;
  EXPECT_EQ(numbers(in_row, 3, 9).size(), 12u) << "all of the row come after";
  EXPECT_EQ(numbers(in_row, 7, 1).size(), 0u);
  EXPECT_EQ(numbers(in_row, 5, 9).size(), 3u);
  const auto of_number = SeatModel::number == 2;
  EXPECT_EQ(numbers(of_number, 3, 1).size(), 7u) << "that of the same row, too";
  EXPECT_EQ(numbers(of_number, 3, 2).size(), 6u);
  EXPECT_EQ(numbers(of_number, 3, 9).size(), 6u);
}

}  // namespace
}  // namespace kin
