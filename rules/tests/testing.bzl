"""What the tests share."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts", "loadingtest")

def _empty_files_impl(ctx):
    files = [ctx.actions.declare_file(path) for path in ctx.attr.outs]
    for file in files:
        ctx.actions.write(file, "")
    return [DefaultInfo(files = depset(files))]

empty_files = rule(
    implementation = _empty_files_impl,
    doc = "Generated files for tests that only look at names.",
    attrs = {
        "outs": attr.string_list(
            doc = "Their paths in this package.",
            mandatory = True,
        ),
    },
)

def _empty_folder_impl(ctx):
    folder = ctx.actions.declare_directory(ctx.attr.out)
    ctx.actions.run_shell(outputs = [folder], command = ":")
    return [DefaultInfo(files = depset([folder]))]

empty_folder = rule(
    implementation = _empty_folder_impl,
    doc = "A generated folder.",
    attrs = {
        "out": attr.string(
            doc = "Its path in this package.",
            mandatory = True,
        ),
    },
)

OTHER_PLATFORM = [str(Label("//rules/tests:other_platform"))]

def config(**kwargs):
    """The config_settings of a test that runs no minbtf: it takes an empty file for that, which needs no Go.

    Args:
      **kwargs: other Bazel options.

    Returns:
      A dict.
    """
    toolchains = {"//command_line_option:extra_toolchains": [str(Label("//rules/tests:empty_minbtf_toolchain"))]}
    return toolchains | {"//command_line_option:" + option: value for option, value in kwargs.items()}

def _failure_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_FAILURE_ATTRS = {
    "message": attr.string(
        doc = "What the error message contains.",
        mandatory = True,
    ),
}

failure_test = analysistest.make(
    _failure_test_impl,
    attrs = _FAILURE_ATTRS,
    config_settings = config(),
    doc = "Expects that a target cannot be analyzed.",
    expect_failure = True,
)

failure_for_other_platform_test = analysistest.make(
    _failure_test_impl,
    attrs = _FAILURE_ATTRS,
    config_settings = config(platforms = OTHER_PLATFORM),
    doc = "The same for another platform.",
    expect_failure = True,
)

def describe(action):
    """What an action does, as strings that can be compared."""
    return struct(
        argv = action.argv,
        inputs = sorted([f.path for f in action.inputs.to_list()]),
        mnemonic = action.mnemonic,
        outputs = [f.path for f in action.outputs.to_list()],
    )

def paths_below(env, files, folder):
    """The paths of files relative to a folder of this package.

    Args:
      env: the test's environment, for files elsewhere.
      files: list of Files.
      folder: string.

    Returns:
      A sorted list of strings.
    """
    prefix = "{}/{}/".format(env.ctx.label.package, folder)
    for file in files:
        asserts.true(env, file.short_path.startswith(prefix), "{} is not below {}".format(file.short_path, prefix))
    return sorted([file.short_path.removeprefix(prefix) for file in files])

# What every rule has, for a macro to hand on.
COMMON_ATTRIBUTES = {
    "tags": ["some-tag"],
    "target_compatible_with": ["@platforms//cpu:mips64"],
    "testonly": True,
    "visibility": ["//rules:__subpackages__"],
}

def expect_common_attributes(env, subject, parts, inner):
    """Compares what a macro has made of COMMON_ATTRIBUTES.

    Args:
      env: the environment of a loadingtest.
      subject: string: the macro's name.
      parts: list of strings: what the names of further targets end with.
      inner: string: the one of these that works for the execution platform.
    """
    for part in [""] + parts:
        rule = native.existing_rule(subject + part)
        case = part.removeprefix(".") or "itself"
        loadingtest.equals(env, case + "_testonly", True, rule["testonly"])
        loadingtest.equals(env, case + "_has_tags", True, "some-tag" in rule["tags"])
        loadingtest.equals(env, case + "_is_manual", case != "itself", "manual" in rule["tags"])
        loadingtest.equals(env, case + "_visibility", ["//visibility:private" if part == inner else "//rules:__subpackages__"], list(rule["visibility"]))

        # What is done on another platform is compatible with that.
        loadingtest.equals(env, case + "_compatible", 0 if part == inner else 1, len(rule.get("target_compatible_with", [])))
