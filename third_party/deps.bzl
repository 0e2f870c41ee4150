"""The outside code Kin is built with: Debian's packages, under the labels they usually have.

A workspace that uses Kin calls kin_dependencies() once. Whatever it has declared before that under one
of these names is left as it is, so who builds Abseil or protobuf from source goes on doing so.
"""

load("//third_party:system.bzl", "system_abseil", "system_library", "system_protobuf")
load("//third_party:shims.bzl", "coverage_tools_shim", "rules_cc_shim")

def _maybe(rule, name, **kwargs):
    if not native.existing_rule(name):
        rule(name = name, **kwargs)

def kin_dependencies():
    """Declares each repository Kin needs, unless the workspace already has it."""

    # What Bazel 4.2.3 would otherwise download.
    _maybe(native.local_repository, "rules_java", path = "/usr/share/bazel/rules/java")
    _maybe(native.local_repository, "rules_proto", path = "/usr/share/bazel/rules/proto")
    _maybe(native.local_repository, "bazel_skylib", path = "/usr/share/bazel/tools/skylib")
    _maybe(rules_cc_shim, "rules_cc")
    _maybe(coverage_tools_shim, "remote_coverage_tools")

    # What Kin links.
    _maybe(system_abseil, "com_google_absl")
    _maybe(system_protobuf, "com_google_protobuf")
    _maybe(
        system_library,
        "com_googlesource_code_re2",
        package = "libre2-dev",
        targets = {"re2": "re2"},
    )
    _maybe(
        system_library,
        "org_sqlite",
        package = "libsqlite3-dev",
        targets = {"sqlite3": "sqlite3"},
    )

    # What Kin's tests and benchmarks link. Nothing is fetched that no built target asks for.
    _maybe(
        system_library,
        "com_google_googletest",
        package = "libgtest-dev libgmock-dev",
        # As upstream: both include GoogleMock.
        targets = {"gtest": "gmock", "gtest_main": "gmock_main"},
    )
    _maybe(
        system_library,
        "com_github_google_benchmark",
        package = "libbenchmark-dev",
        targets = {"benchmark": "benchmark"},
        # Debian ships no benchmark_main.pc.
        extra_libs = {"benchmark_main": "-lbenchmark_main"},
        extra_deps = {"benchmark_main": "benchmark"},
    )

    # What the command lines of programs are read with.
    _maybe(
        system_library,
        "cli11",
        package = "libcli11-dev",
        header = "CLI/CLI.hpp",
        extra_libs = {"cli11": ""},
    )

    # What an example serves HTTP with; its target is tagged manual.
    _maybe(
        system_library,
        "cpp_httplib",
        package = "libcpp-httplib-dev",
        targets = {"cpp-httplib": "cpp-httplib"},
    )

    # Yardsticks, used by targets tagged manual only.
    _maybe(system_library, "tbb", package = "libtbb-dev", targets = {"tbb": "tbb"})
    _maybe(
        system_library,
        "boost",
        package = "libboost-dev",
        header = "boost/version.hpp",
        extra_libs = {"headers": ""},
    )
