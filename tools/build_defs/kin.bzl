"""Kin's C++ rules: Bazel's own, with Kin's warnings and with headers under kin/.

A header store/store.h is included as "kin/store/store.h", here and in every workspace that uses Kin.
"""

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wextra-semi",
    "-Wnon-virtual-dtor",
    "-Woverloaded-virtual",
    "-Wshadow=local",  # Generated option extensions put `model` and `field` into namespace kin.
    "-Wsuggest-override",
    "-Wvla",
    "-Wno-missing-field-initializers",  # {.durability = …} leaves the rest at its defaults on purpose.
]

def _copts(extra):
    # In somebody else's workspace a warning of a newer compiler must not stop the build.
    return _WARNINGS + (["-Werror"] if native.repository_name() == "@" else []) + extra

def _is_header(src):
    return src.endswith(".h") or src.endswith(".inc")

def _prefix():
    return "kin/" + native.package_name() if native.package_name() else "kin"

def kin_cc_library(name, srcs = [], hdrs = [], copts = [], **kwargs):
    """cc_library whose headers are included as kin/<package>/<header>.

    Args:
      name: of the target.
      srcs: sources. Headers among them are moved to hdrs: Bazel gives only those the prefix.
      hdrs: headers. What is private goes into a target with private visibility.
      copts: added to Kin's.
      **kwargs: as for cc_library.
    """
    native.cc_library(
        name = name,
        srcs = [s for s in srcs if not _is_header(s)],
        hdrs = hdrs + [s for s in srcs if _is_header(s)],
        copts = _copts(copts),
        include_prefix = _prefix(),
        linkstatic = True,
        **kwargs
    )

def _program(rule, name, srcs, deps, copts, testonly, kwargs):
    headers = [s for s in srcs if _is_header(s)]
    if headers:
        kin_cc_library(
            name = name + "_headers",
            hdrs = headers,
            testonly = testonly,
            deps = deps,
            visibility = ["//visibility:private"],
        )
        deps = deps + [":%s_headers" % name]
    rule(
        name = name,
        srcs = [s for s in srcs if not _is_header(s)],
        deps = deps + select({
            "//third_party/tsan:enabled": ["//third_party/tsan:abseil_locks"],
            "//conditions:default": [],
        }),
        copts = _copts(copts),
        testonly = testonly,
        **kwargs
    )

def kin_cc_binary(name, srcs = [], deps = [], copts = [], testonly = False, **kwargs):
    """cc_binary; headers among its sources are included as kin/<package>/<header> too."""
    _program(native.cc_binary, name, srcs, deps, copts, testonly, kwargs)

def kin_cc_test(
        name,
        srcs = [],
        deps = [],
        copts = [],
        size = "small",
        main = True,
        linkstatic = True,
        **kwargs):
    """cc_test over GoogleTest and GoogleMock, which need not be named.

    Args:
      name: of the target.
      srcs: sources and headers.
      deps: what is tested.
      copts: added to Kin's.
      size: as for cc_test, but small unless said otherwise.
      main: whether GoogleTest's main is linked; False where the test has its own.
      linkstatic: as for cc_test.
      **kwargs: as for cc_test. tags = ["sanitize"] has CI run it under the sanitizers too.
    """
    gtest = "@com_google_googletest//:" + ("gtest_main" if main else "gtest")
    kwargs["size"] = size
    kwargs["linkstatic"] = linkstatic
    _program(native.cc_test, name, srcs, deps + [gtest], copts, True, kwargs)
