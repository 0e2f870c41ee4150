"""Repository rules that turn installed libraries into Bazel targets, by asking pkg-config.

The headers are on the compiler's own search path (/usr/include), hence neither copied nor warned
about; a target carries what has to be linked. Each pkg-config module becomes one target with its own
libraries and the modules it requires, so a library is named once however many ask for it.
"""

_ENVIRON = ["PATH", "PKG_CONFIG_PATH"]

def _run(ctx, arguments, package):
    if not ctx.which("pkg-config"):
        fail("pkg-config is missing: run ./bazelw in Kin's root, or apt-get install pkg-config.")
    result = ctx.execute(["pkg-config"] + arguments)
    if result.return_code != 0:
        fail("\n%s\nInstall %s (./bazelw in Kin's root installs all that Kin needs)." %
             (result.stderr.strip(), package))
    return result.stdout.strip()

def _library(name, linkopts, deps):
    # --as-needed: a program is made to load only what it calls.
    if linkopts:
        linkopts = ["-Wl,--push-state,--as-needed"] + linkopts + ["-Wl,--pop-state"]
    return """
cc_library(
    name = {name},
    linkopts = {linkopts},
    deps = {deps},
)
""".format(name = repr(name), linkopts = repr(linkopts), deps = repr(deps))

def _modules(ctx, modules, package):
    """One target for each module and for all that they require. Returns BUILD text."""
    libs = {}  # module -> the linker flags of it and of all below it
    requires = {}  # module -> the modules right below it
    level = modules
    for _ in range(100):  # Starlark has no while; no module graph is this deep.
        if not level:
            break
        for module in level:
            libs[module] = [f for f in _run(ctx, ["--libs", module], package).split(" ") if f]
            lines = _run(ctx, ["--print-requires", module], package).split("\n")
            requires[module] = [line.split(" ")[0] for line in lines if line]
        below = {r: True for module in level for r in requires[module]}
        level = [r for r in below if r not in libs]

    text = ""
    for module in sorted(libs):
        inherited = [flag for r in requires[module] for flag in libs[r]]
        text += _library(
            module,
            [flag for flag in libs[module] if flag not in inherited],
            [":" + r for r in requires[module]],
        )
    return text

_HEADER = """# Written by Kin's third_party/system.bzl for what is installed on this machine.
package(default_visibility = ["//visibility:public"])
"""

def _alias(name, actual):
    return "\nalias(name = %s, actual = %s)\n" % (repr(name), repr(actual))

def _system_library_impl(ctx):
    if ctx.attr.header and not ctx.path("/usr/include/" + ctx.attr.header).exists:
        fail("\n/usr/include/%s is missing. Install %s." % (ctx.attr.header, ctx.attr.package))
    targets = ctx.attr.targets
    text = _HEADER
    for name, flags in ctx.attr.extra_libs.items():
        dep = ctx.attr.extra_deps.get(name)
        text += _library(name, [f for f in flags.split(" ") if f], [":" + dep] if dep else [])
    text += "".join([
        _alias(name, "//modules:" + module)
        for name, module in targets.items()
    ])
    ctx.file("WORKSPACE", "workspace(name = %s)\n" % repr(ctx.name))
    ctx.file("BUILD.bazel", text)
    ctx.file("modules/BUILD.bazel", _HEADER + _modules(ctx, targets.values(), ctx.attr.package))

system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "package": attr.string(mandatory = True, doc = "Debian's packages, for the error message."),
        "targets": attr.string_dict(doc = "Target name to pkg-config module."),
        "extra_libs": attr.string_dict(doc = "Target name to linker flags, where there is no module."),
        "extra_deps": attr.string_dict(doc = "Target of extra_libs to a target it needs."),
        "header": attr.string(doc = "A header whose presence stands for the library's."),
    },
    environ = _ENVIRON,
    configure = True,
    local = True,
    doc = "An installed library as targets in the root of its repository.",
)

# Abseil's label ("directory:target") where the module is not simply absl_<target>.
_ABSEIL_MODULES = {
    "algorithm:container": "absl_algorithm_container",
    "flags:commandlineflag": "absl_flags_commandlineflag",
    "flags:config": "absl_flags_config",
    "flags:flag": "absl_flags",
    "flags:marshalling": "absl_flags_marshalling",
    "flags:parse": "absl_flags_parse",
    "flags:program_name": "absl_flags_program_name",
    "flags:reflection": "absl_flags_reflection",
    "flags:usage": "absl_flags_usage",
    "random:bit_gen_ref": "absl_random_bit_gen_ref",
    "random:distributions": "absl_random_distributions",
    "random:random": "absl_random_random",
    "random:seed_gen_exception": "absl_random_seed_gen_exception",
    "random:seed_sequences": "absl_random_seed_sequences",
}

_ABSEIL_LABELS = {
    "algorithm": ["algorithm", "container"],
    "base": ["base", "config", "core_headers", "dynamic_annotations", "endian", "log_severity", "prefetch"],
    "cleanup": ["cleanup"],
    "container": [
        "btree",
        "fixed_array",
        "flat_hash_map",
        "flat_hash_set",
        "inlined_vector",
        "node_hash_map",
        "node_hash_set",
    ],
    "debugging": ["failure_signal_handler", "leak_check", "stacktrace", "symbolize"],
    "flags": [
        "commandlineflag",
        "config",
        "flag",
        "marshalling",
        "parse",
        "program_name",
        "reflection",
        "usage",
    ],
    "functional": ["any_invocable", "bind_front", "function_ref"],
    "hash": ["city", "hash", "low_level_hash"],
    "memory": ["memory"],
    "meta": ["type_traits"],
    "numeric": ["bits", "int128"],
    "random": ["bit_gen_ref", "distributions", "random", "seed_gen_exception", "seed_sequences"],
    "status": ["status", "statusor"],
    "strings": ["cord", "str_format", "strings"],
    "synchronization": ["synchronization"],
    "time": ["time"],
    "types": ["any", "compare", "optional", "span", "variant"],
    "utility": ["utility"],
}

def _system_abseil_impl(ctx):
    ctx.file("WORKSPACE", "workspace(name = \"com_google_absl\")\n")
    ctx.file("BUILD.bazel", "")
    used = {}
    for directory, names in _ABSEIL_LABELS.items():
        text = _HEADER
        for name in names:
            module = _ABSEIL_MODULES.get(directory + ":" + name, "absl_" + name)
            used[module] = True
            text += _alias(name, "//modules:" + module)
        ctx.file("absl/%s/BUILD.bazel" % directory, text)
    ctx.file("modules/BUILD.bazel", _HEADER + _modules(ctx, used.keys(), "libabsl-dev"))

system_abseil = repository_rule(
    implementation = _system_abseil_impl,
    environ = _ENVIRON,
    configure = True,
    local = True,
    doc = "Debian's Abseil under @com_google_absl//absl/<directory>:<target>.",
)

# Well-known protos and what each imports.
_WELL_KNOWN = {
    "any": [],
    "api": ["source_context", "type"],
    "descriptor": [],
    "duration": [],
    "empty": [],
    "field_mask": [],
    "source_context": [],
    "struct": [],
    "timestamp": [],
    "type": ["any", "source_context"],
    "wrappers": [],
}

_PROTO_LIBRARY = """
proto_library(
    name = "{name}_proto",
    srcs = ["{src}"],
    deps = {deps},
)
"""

_PROTOBUF_BUILD = """
load("@rules_proto//proto:defs.bzl", "proto_lang_toolchain", "proto_library")

sh_binary(name = "protoc", srcs = ["bin/protoc"])

alias(name = "protobuf", actual = "//modules:protobuf")
alias(name = "protobuf_lite", actual = "//modules:protobuf-lite")
alias(name = "protobuf_headers", actual = ":protobuf")

cc_library(
    name = "protoc_lib",
    linkopts = ["-Wl,--push-state,--as-needed", "-lprotoc", "-Wl,--pop-state"],
    deps = [":protobuf"],
)

# They are compiled into libprotobuf: generating them again would register them twice.
filegroup(name = "well_known_protos", srcs = {well_known})

proto_lang_toolchain(
    name = "cc_toolchain",
    blacklisted_protos = {blacklisted},
    command_line = "--cpp_out=$(OUT)",
    runtime = ":protobuf",
)
"""

def _system_protobuf_impl(ctx):
    include = "/usr/include/"
    protoc = ctx.which("protoc")
    if not protoc or not ctx.path(include + "google/protobuf/descriptor.proto").exists:
        fail("\nprotoc or its headers are missing. Install libprotobuf-dev libprotoc-dev " +
             "protobuf-compiler (./bazelw in Kin's root installs all that Kin needs).")
    ctx.symlink(protoc, "bin/protoc")
    files = {name: "google/protobuf/%s.proto" % name for name in _WELL_KNOWN}
    files["compiler_plugin"] = "google/protobuf/compiler/plugin.proto"
    libraries = ""
    for name, file in files.items():
        ctx.symlink(include + file, file)
        deps = _WELL_KNOWN.get(name, ["descriptor"])
        libraries += _PROTO_LIBRARY.format(
            name = name,
            src = file,
            deps = repr([":%s_proto" % d for d in deps]),
        )
    ctx.file("WORKSPACE", "workspace(name = \"com_google_protobuf\")\n")
    ctx.file("BUILD.bazel", _HEADER + _PROTOBUF_BUILD.format(
        well_known = repr(files.values()),
        blacklisted = repr([":%s_proto" % name for name in files]),
    ) + libraries)
    ctx.file("modules/BUILD.bazel", _HEADER +
                                    _modules(ctx, ["protobuf", "protobuf-lite"], "libprotobuf-dev"))

system_protobuf = repository_rule(
    implementation = _system_protobuf_impl,
    environ = _ENVIRON,
    configure = True,
    local = True,
    doc = "Debian's protobuf and protoc under @com_google_protobuf//.",
)
