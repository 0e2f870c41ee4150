"""A test that a target cannot be analysed, and that the message says why."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _refusal_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_refusal_test = analysistest.make(
    _refusal_test_impl,
    expect_failure = True,
    attrs = {"message": attr.string(mandatory = True)},
)

def refusal_test(name, target, message):
    _refusal_test(name = name, target_under_test = target, message = message)
