"""kin_proto_library: the C++ of models, from the proto_library that holds them."""

_KinProtoInfo = provider(
    doc = "What the aspect knows of one proto_library and of all it imports.",
    fields = {
        "cc_info": "CcInfo: the generated code of the closure.",
        "imports": "depset of `import path=file path`, for protoc's -I.",
        "headers": "depset of the generated headers.",
    },
)

# Where Kin is somebody's external repository, warnings in generated code are not theirs to see.
_KIN_IS_MAIN = Label("//proto:defs.bzl").workspace_name == ""

_WELL_KNOWN = [
    Label("@com_google_protobuf//:%s_proto" % name)
    for name in [
        "any",
        "api",
        "compiler_plugin",
        "descriptor",
        "duration",
        "empty",
        "field_mask",
        "source_context",
        "struct",
        "timestamp",
        "type",
        "wrappers",
    ]
]

def _import_path(src, proto):
    """What `import` in another .proto file calls this one."""
    path = src.path
    for root in [proto.proto_source_root, src.root.path, src.owner.workspace_root]:
        if root and root != "." and path.startswith(root + "/"):
            path = path[len(root) + 1:]
    return path

def _generate(ctx, proto, imports):
    """Runs protoc once over the sources of this target. Returns what the C++ compiler needs."""
    base = "_kin/" + ctx.label.name
    names = [_import_path(src, proto) for src in proto.direct_sources]
    stems = [name[:-len(".proto")] for name in names]
    declare = ctx.actions.declare_file
    pb_h = [declare("%s/pb/%s.pb.h" % (base, s)) for s in stems]
    pb_cc = [declare("%s/pb/%s.pb.cc" % (base, s)) for s in stems]
    kin_h = [declare("%s/kin/%s.kin.h" % (base, s)) for s in stems]
    kin_cc = [declare("%s/kin/%s.kin.cc" % (base, s)) for s in stems]
    pb_dir = pb_h[0].path[:-len("/%s.pb.h" % stems[0])]
    kin_dir = kin_h[0].path[:-len("/%s.kin.h" % stems[0])]

    args = ctx.actions.args()
    args.add(ctx.executable._plugin, format = "--plugin=protoc-gen-kin=%s")
    args.add("--cpp_out=" + pb_dir)
    args.add("--kin_out=" + kin_dir)
    args.add_all(imports, format_each = "-I%s")
    args.add_all(names)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = proto.transitive_sources,
        tools = [ctx.executable._plugin],
        outputs = pb_h + pb_cc + kin_h + kin_cc,
        mnemonic = "KinProto",
        progress_message = "Generating models of %s" % ctx.label,
    )
    return struct(
        hdrs = pb_h + kin_h,
        srcs = pb_cc + kin_cc,
        includes = [kin_dir] if _KIN_IS_MAIN else [],
        # protobuf's headers do not compile without warnings at the levels some people use.
        system_includes = [pb_dir] + ([] if _KIN_IS_MAIN else [kin_dir]),
    )

def _compile(ctx, generated, deps):
    """Compiles the generated code into a library of its own. Returns CcInfo."""
    toolchain = ctx.attr._cc_toolchain[cc_common.CcToolchainInfo]
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    name = ctx.label.name + "_kin"
    compilation_context, outputs = cc_common.compile(
        name = name,
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = toolchain,
        srcs = generated.srcs,
        public_hdrs = generated.hdrs,
        includes = generated.includes,
        system_includes = generated.system_includes,
        compilation_contexts = [dep.compilation_context for dep in deps],
    )
    linking_context, _ = cc_common.create_linking_context_from_compilation_outputs(
        name = name,
        actions = ctx.actions,
        feature_configuration = features,
        cc_toolchain = toolchain,
        compilation_outputs = outputs,
        linking_contexts = [dep.linking_context for dep in deps],
        disallow_dynamic_library = True,
    )
    return CcInfo(compilation_context = compilation_context, linking_context = linking_context)

def _aspect_impl(target, ctx):
    if ProtoInfo not in target:
        return []
    proto = target[ProtoInfo]
    deps = [
        dep[_KinProtoInfo]
        for dep in getattr(ctx.rule.attr, "deps", []) + getattr(ctx.rule.attr, "exports", [])
        if _KinProtoInfo in dep
    ]
    imports = depset(
        ["%s=%s" % (_import_path(src, proto), src.path) for src in proto.direct_sources],
        transitive = [dep.imports for dep in deps],
    )
    cc_deps = [dep.cc_info for dep in deps]
    headers = [dep.headers for dep in deps]

    # What is compiled already must not be compiled again: it would be registered twice.
    prebuilt = None
    if ctx.label in [t.label for t in ctx.attr._well_known]:
        prebuilt = ctx.attr._protoc_lib if proto.direct_sources[0].basename == "plugin.proto" else ctx.attr._protobuf
    elif ctx.label == ctx.attr._options_proto.label:
        prebuilt = ctx.attr._options_cc_proto

    if prebuilt:
        cc_info = cc_common.merge_cc_infos(cc_infos = [prebuilt[CcInfo]] + cc_deps)
        direct_headers = []
    elif not proto.direct_sources:
        cc_info = cc_common.merge_cc_infos(cc_infos = cc_deps)
        direct_headers = []
    else:
        generated = _generate(ctx, proto, imports)
        runtime = [ctx.attr._store[CcInfo], ctx.attr._protobuf[CcInfo]]
        cc_info = _compile(ctx, generated, cc_deps + runtime)
        direct_headers = generated.hdrs
    return [_KinProtoInfo(
        cc_info = cc_info,
        imports = imports,
        headers = depset(direct_headers, transitive = headers),
    )]

# An aspect, so that a proto_library is generated and compiled once, however many ask for it.
_kin_proto_aspect = aspect(
    implementation = _aspect_impl,
    attr_aspects = ["deps", "exports"],
    attrs = {
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_options_cc_proto": attr.label(default = "//proto:options_cc_proto"),
        "_options_proto": attr.label(default = "//proto:options_proto"),
        "_plugin": attr.label(default = "//proto/compiler:protoc-gen-kin", executable = True, cfg = "exec"),
        "_protobuf": attr.label(default = "@com_google_protobuf//:protobuf"),
        "_protoc": attr.label(default = "@com_google_protobuf//:protoc", executable = True, cfg = "exec"),
        "_protoc_lib": attr.label(default = "@com_google_protobuf//:protoc_lib"),
        "_store": attr.label(default = "//store"),
        "_well_known": attr.label_list(default = _WELL_KNOWN),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)

def _kin_proto_library_impl(ctx):
    if not ctx.attr.deps:
        fail("name the proto_library target whose models are wanted", "deps")
    for dep in ctx.attr.deps:
        if ProtoInfo not in dep:
            fail("%s is not a proto_library: name the proto_library target whose models are wanted" %
                 dep.label, "deps")
    infos = [dep[_KinProtoInfo] for dep in ctx.attr.deps]
    headers = depset(transitive = [info.headers for info in infos])
    return [
        cc_common.merge_cc_infos(cc_infos = [info.cc_info for info in infos]),
        DefaultInfo(files = headers, data_runfiles = ctx.runfiles(transitive_files = headers)),
    ]

kin_proto_library = rule(
    implementation = _kin_proto_library_impl,
    attrs = {
        "deps": attr.label_list(
            mandatory = True,
            allow_files = True,  # A .proto file named here gets our error, which says what to write.
            aspects = [_kin_proto_aspect],
            doc = "proto_library targets. The C++ of all they import is generated as well.",
        ),
    },
    provides = [CcInfo],
    doc = """The C++ of models: x.pb.h and x.kin.h for each x.proto, to be used in deps of cc_ rules.

    Models without options, plain messages and imports of other proto_library targets all work.
    Do not link a cc_proto_library of the same proto_library into the same program.
    """,
)
