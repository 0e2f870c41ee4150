// Gets hold of the connections that a backend opens.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_CONNECTION_HOOK_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_CONNECTION_HOOK_H_

#include <sqlite3.h>

#include <functional>
#include <utility>

namespace kin::testing {

// While it lives, calls `opened` with each connection that this process opens. One at a time.
class ConnectionHook {
 public:
  explicit ConnectionHook(std::function<void(sqlite3*)> opened) {
    Opened() = std::move(opened);
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&Call));
  }
  ~ConnectionHook() {
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&Call));
    Opened() = nullptr;
  }
  ConnectionHook(const ConnectionHook&) = delete;
  ConnectionHook& operator=(const ConnectionHook&) = delete;

 private:
  static std::function<void(sqlite3*)>& Opened() {
    static std::function<void(sqlite3*)> opened;
    return opened;
  }
  static int Call(sqlite3* connection, char**, const void*) {
    Opened()(connection);
    return SQLITE_OK;
  }
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_CONNECTION_HOOK_H_
