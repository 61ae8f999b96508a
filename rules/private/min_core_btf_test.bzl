"""min_core_btf_test: the promise, checked."""

load(":actions.bzl", "minbtf_executable")
load(":minbtf_toolchain.bzl", "TOOLCHAIN_TYPE")
load(":providers.bzl", "MinCoreBtfInfo")

def _min_core_btf_test_impl(ctx):
    info = ctx.attr.btfs[MinCoreBtfInfo]

    def min_path(kernel):
        return "{}/{}.btf".format(info.tree.short_path, kernel.key) if info.tree else kernel.min.short_path

    pairs = ctx.actions.declare_file(ctx.label.name + ".pairs")
    ctx.actions.write(pairs, "".join([
        "\t".join([k.full.short_path, min_path(k)] + [f.short_path for f in k.modules]) + "\n"
        for k in info.kernels
    ]))
    return minbtf_executable(
        ctx,
        arguments = ["verify", "--pairs", pairs] + (["--tree", info.tree] if info.tree else []) + info.objects.to_list(),
        files = depset([f for k in info.kernels for f in [k.full] + ([k.min] if k.min else []) + k.modules]),
    )

_min_core_btf_test = rule(
    implementation = _min_core_btf_test_impl,
    attrs = {
        "btfs": attr.label(mandatory = True, providers = [MinCoreBtfInfo]),
    },
    test = True,
    toolchains = [TOOLCHAIN_TYPE],
)

# One takes some ten seconds, and Bazel allows 50.
_KERNELS_OF_SHARD = 64
_MAX_SHARDS = 50

def _labels(target, attribute):
    """The labels in an attribute of a target of this package; none where it is elsewhere, or select()s."""
    label = native.package_relative_label(target)
    rule = native.existing_rule(label.name) if label == native.package_relative_label(":" + label.name) else None
    value = rule.get(attribute) if rule else None
    return value if type(value) in ("list", "tuple") else []

def min_core_btf_test(name, btfs, shard_count = None, **kwargs):
    """Checks that objects relocate against the minimal BTF as they do against the full one.

    For each kernel of a `min_core_btf`, each program of its objects is relocated by cilium/ebpf against both, and the
    results are compared. It is not done again, as Bazel sees to it, before an object or a kernel changes.

    ```starlark
    min_core_btf_test(
        name = "tracee_btfs_test",
        btfs = ":tracee_btfs",
    )
    ```

    Kernels of which there is only a `.btfpack` cannot be verified, and the test's log names them: a pack does not have the
    full BTF as the kernel had it.

    Args:
      name: string: the target.
      btfs: label of a `min_core_btf`.
      shard_count: int: how many shards share the kernels. By default there is one for each 64, at most 50, as far as
        `btfs` and its archives stand in this package, above.
      **kwargs: `size`, `tags` and other attributes that all tests have.
    """
    if shard_count == None:
        sources = [source for archive in _labels(btfs, "archives") for source in _labels(archive, "srcs")]
        shard_count = min((len(sources) + _KERNELS_OF_SHARD - 1) // _KERNELS_OF_SHARD, _MAX_SHARDS)
    _min_core_btf_test(
        name = name,
        btfs = btfs,
        shard_count = shard_count if shard_count > 1 else None,
        **kwargs
    )
