// What a commit is, and how far it has got.
#ifndef KIN_STORE_COMMIT_H_
#define KIN_STORE_COMMIT_H_

#include <cstdint>

namespace kin {

// Numbers commits from 1 on, without gaps, across restarts. 0: before the first.
using CommitNumber = std::uint64_t;

// How safe a commit is when `Write` returns.
enum class Durability {
  kBuffered,  // Committed in memory; the database follows.
  kWritten,   // In the database: survives the end of this process.
  kSynced,    // On stable storage: survives the machine.
};

}  // namespace kin

#endif  // KIN_STORE_COMMIT_H_
