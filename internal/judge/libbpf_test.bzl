"""libbpf_test: a Go test once more, judged by libbpf."""

load("@test_host//:host.bzl", "LIBBPF")

def _libbpf_test_impl(ctx):
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = executable, target_file = ctx.executable.test, is_executable = True)
    environment = dict(ctx.attr.test[RunEnvironmentInfo].environment)
    environment.pop("RULES_BTF_LEAVE_OUT")
    return [
        DefaultInfo(executable = executable, runfiles = ctx.attr.test[DefaultInfo].default_runfiles),
        RunEnvironmentInfo(environment = environment | {"RULES_BTF_REQUIRE": "libbpf"}),
    ]

_libbpf_test = rule(
    implementation = _libbpf_test_impl,
    attrs = {
        "test": attr.label(
            cfg = "target",
            doc = "A go_test whose env has RULES_BTF_LEAVE_OUT, so that it runs without libbpf.",
            executable = True,
            mandatory = True,
        ),
    },
    test = True,
)

def libbpf_test(name, test, run, target_compatible_with = [], **kwargs):
    """Runs what of a Go test asks for libbpf. Where libbpf-dev is missing, Bazel reports it as skipped.

    Args:
      name: string: the target.
      test: label of the go_test.
      run: string: which tests, as for `go test -run`.
      target_compatible_with: list of labels: what it needs besides.
      **kwargs: other attributes of a test.
    """
    _libbpf_test(
        name = name,
        args = ["-test.run=" + run],
        target_compatible_with = LIBBPF + target_compatible_with,
        test = test,
        **kwargs
    )
