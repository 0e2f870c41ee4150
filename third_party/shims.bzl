"""Stand-ins for two repositories that Bazel 4.2.3 loads by itself and would download."""

def _rules_cc_shim_impl(ctx):
    rules = ["binary", "import", "library", "proto_library", "test", "toolchain", "toolchain_suite"]
    lines = ["cc_%s = native.cc_%s" % (r, r) for r in rules]
    lines += ["fdo_prefetch_hints = native.fdo_prefetch_hints", "fdo_profile = native.fdo_profile"]
    ctx.file("WORKSPACE", "workspace(name = \"rules_cc\")\n")
    ctx.file("BUILD.bazel", "")
    ctx.file("cc/BUILD.bazel", "exports_files([\"defs.bzl\"])\n")
    ctx.file("cc/defs.bzl", "\n".join(lines) + "\n")

rules_cc_shim = repository_rule(
    implementation = _rules_cc_shim_impl,
    doc = "Bazel's own C++ rules under rules_cc's labels; Debian's rules_cc is too new for its Bazel.",
)

def _coverage_tools_shim_impl(ctx):
    ctx.file("WORKSPACE", "workspace(name = \"remote_coverage_tools\")\n")
    ctx.file("BUILD.bazel", """
filegroup(
    name = "coverage_report_generator",
    visibility = ["//visibility:public"],
)
""")

coverage_tools_shim = repository_rule(
    implementation = _coverage_tools_shim_impl,
    doc = "An empty report generator: every test rule names it, `bazel coverage` alone runs it.",
)
