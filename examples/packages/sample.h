// A small archive that comes with this example, for machines without package lists: shortened facts
// of Debian 12 and some made-up ones. Its text is in sample/.
#ifndef KIN_EXAMPLES_PACKAGES_SAMPLE_H_
#define KIN_EXAMPLES_PACKAGES_SAMPLE_H_

namespace packages {

struct SampleList {
  const char* name;
  const char* text;
};

extern const char kSampleMain[];
extern const char kSampleUpdates[];

inline constexpr SampleList kSampleLists[] = {
    {"sample/main_Packages", kSampleMain},
    {"sample/updates_Packages", kSampleUpdates},
};

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_SAMPLE_H_
