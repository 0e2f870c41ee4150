#ifndef KIN_STORE_STORE_H_
#define KIN_STORE_STORE_H_

namespace kin {}

#endif  // KIN_STORE_STORE_H_
