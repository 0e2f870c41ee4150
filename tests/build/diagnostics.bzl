"""What the compiler says of a source that must not compile."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _diagnostics_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    context = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).compilation_context
    cpp = ctx.fragments.cpp
    variables = cc_common.create_compile_variables(
        feature_configuration = features,
        cc_toolchain = toolchain,
        source_file = ctx.file.src.path,
        user_compile_flags = cpp.copts + cpp.cxxopts + ["-fsyntax-only"] +
                             (["-ferror-limit=0"] if toolchain.compiler == "clang" else []),
        include_directories = context.includes,
        quote_include_directories = context.quote_includes,
        system_include_directories = context.system_includes,
        preprocessor_defines = context.defines,
    )
    command = {"feature_configuration": features, "action_name": ACTION_NAMES.cpp_compile}
    output = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.run_shell(
        outputs = [output],
        inputs = depset(
            [ctx.file.src],
            transitive = [context.headers, toolchain.all_files],
        ),
        command = "output=\"$1\"; shift; export LC_ALL=C; " +
                  "if \"$@\" 2> \"${output}\"; then echo \"$*: it compiles\" >&2; exit 1; fi",
        arguments = [output.path, cc_common.get_tool_for_action(**command)] +
                    cc_common.get_memory_inefficient_command_line(variables = variables, **command),
        env = cc_common.get_environment_variables(variables = variables, **command),
        mnemonic = "CppDiagnostics",
        progress_message = "Compiling what must not compile: " + ctx.file.src.short_path,
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(files = [output]),
    )]

# The output is a file with the compiler's messages. It is an error if there are none.
diagnostics = rule(
    implementation = _diagnostics_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "src": attr.label(allow_single_file = True, mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
