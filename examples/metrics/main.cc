// A store whose counters Prometheus can collect: commits for a while, and answers on
// http://127.0.0.1:PORT/metrics meanwhile.
//
//   ./bazelw run --config=metrics //examples/metrics -- /tmp/accounts.db 9464
//   curl http://127.0.0.1:9464/metrics
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "accounts.kin.h"
#include "httplib.h"
#include "kin/persistence/sqlite.h"
#include "kin/store/metrics.h"
#include "kin/store/store.h"

namespace {

httplib::Server* server = nullptr;

int Fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return Fail("usage: metrics DATABASE PORT");
  absl::StatusOr<std::unique_ptr<kin::Store>> store =
      kin::Store::Open(kin::Schema::Of<accounts::User, accounts::UserInfo, accounts::Post,
                                       accounts::Group, accounts::Membership>(),
                       {.persistence = kin::Sqlite(argv[1])});
  if (!store.ok()) return Fail(store.status().ToString());

  // Something to count.
  for (int i = 0; i < 1000; ++i) {
    absl::StatusOr<kin::CommitNumber> commit = (*store)->Write([](kin::Transaction& txn) {
      accounts::Group group;
      group.set_name("group");
      return txn.Insert(std::move(group)).status();
    });
    if (!commit.ok()) return Fail(commit.status().ToString());
  }

  httplib::Server http;
  const kin::MetricsHandler metrics(store->get(), "accounts");
  auto answer = [&metrics](const httplib::Request& request, httplib::Response& response) {
    kin::MetricsHandler::Response made = metrics(request.method, request.path);
    response.status = made.status;
    response.set_content(made.body, made.content_type.c_str());
  };
  http.Get(".*", answer);
  http.Post(".*", answer);

  // Only this machine sees it. Port 0: any that is free.
  const int wanted = std::atoi(argv[2]);
  const int port = wanted != 0 ? wanted : http.bind_to_any_port("127.0.0.1");
  if (wanted != 0 && !http.bind_to_port("127.0.0.1", wanted)) {
    return Fail("port " + std::to_string(wanted) + " is not free");
  }
  server = &http;
  for (int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int) { server->stop(); });
  }
  std::printf("http://127.0.0.1:%d/metrics\n", port);
  std::fflush(stdout);
  http.listen_after_bind();

  const absl::Status closed = (*store)->Close(absl::Seconds(10));
  return closed.ok() ? 0 : Fail(closed.ToString());
}
