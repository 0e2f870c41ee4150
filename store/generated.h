#ifndef KIN_STORE_GENERATED_H_
#define KIN_STORE_GENERATED_H_

namespace kin {}

#endif  // KIN_STORE_GENERATED_H_
