"""Analysis tests of the toolchain. That a registered one is used, the tests of min_core_btf show."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//rules:providers.bzl", "MinbtfToolchainInfo")
load(":testing.bzl", "OTHER_PLATFORM")

def _toolchain_test_impl(ctx):
    env = analysistest.begin(ctx)
    toolchain = analysistest.target_under_test(env)[platform_common.ToolchainInfo]
    info = toolchain.minbtf_info
    asserts.equals(env, type(MinbtfToolchainInfo(minbtf = None)), type(info))
    asserts.equals(env, ctx.executable.minbtf.path, info.minbtf.executable.path)
    return analysistest.end(env)

_toolchain_test = analysistest.make(
    _toolchain_test_impl,
    attrs = {
        "minbtf": attr.label(
            allow_files = True,
            cfg = "exec",
            doc = "The tool.",
            executable = True,
            mandatory = True,
        ),
    },
)

# Without any of one's own, the one that is built from source, for the machine that runs it.

def _default_test_impl(ctx):
    env = analysistest.begin(ctx)
    actions = analysistest.target_actions(env)
    asserts.true(env, len(actions) > 1)
    for action in actions:
        asserts.equals(env, ctx.executable.minbtf.path, action.argv[0])
    return analysistest.end(env)

def _default_test(config_settings = {}):
    return analysistest.make(
        _default_test_impl,
        attrs = {
            "minbtf": attr.label(
                cfg = "exec",
                default = "//tools/minbtf",
                doc = "The tool.",
                executable = True,
            ),
        },
        config_settings = config_settings,
    )

_usual_test = _default_test()
_other_platform_test = _default_test({"//command_line_option:platforms": OTHER_PLATFORM})

def toolchain_tests(name):
    """Declares the tests of this file.

    Args:
      name: string: the test_suite of all, and how other names begin.
    """
    _toolchain_test(
        name = name + "_file_test",
        size = "small",
        minbtf = ":empty_minbtf_file",
        target_under_test = ":empty_minbtf",
    )
    _toolchain_test(
        name = name + "_from_source_test",
        size = "small",
        minbtf = "//tools/minbtf",
        target_under_test = "//rules:minbtf_from_source",
    )
    _usual_test(
        name = name + "_default_test",
        size = "small",
        target_under_test = ":executables_kernels_btfs.tailored",
    )
    _other_platform_test(
        name = name + "_default_for_other_platform_test",
        size = "small",
        target_under_test = ":executables_kernels_btfs.tailored",
    )
    native.test_suite(
        name = name,
        tests = [
            name + "_default_for_other_platform_test",
            name + "_default_test",
            name + "_file_test",
            name + "_from_source_test",
        ],
    )
