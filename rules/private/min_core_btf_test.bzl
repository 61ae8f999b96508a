"""min_core_btf_test: the promise, checked."""

load(":actions.bzl", "minbtf_executable")
load(":minbtf_toolchain.bzl", "TOOLCHAIN_TYPE")
load(":providers.bzl", "MinCoreBtfInfo")

def _min_core_btf_test_impl(ctx):
    info = ctx.attr.btfs[MinCoreBtfInfo]
    pairs = ctx.actions.declare_file(ctx.label.name + ".pairs")
    ctx.actions.write(pairs, "".join([
        "\t".join([f.short_path for f in [k.full, k.min] + k.modules]) + "\n"
        for k in info.kernels
    ]))
    return minbtf_executable(
        ctx,
        arguments = ["verify", "--pairs", pairs] + info.objects.to_list(),
        files = depset([f for k in info.kernels for f in [k.full, k.min] + k.modules]),
    )

min_core_btf_test = rule(
    implementation = _min_core_btf_test_impl,
    doc = """Checks that objects relocate against the minimal BTF as they do against the full one.

For each kernel of a `min_core_btf`, each program of its objects is relocated by cilium/ebpf against both, and the
results are compared. With `shard_count` the kernels are shared out.

```starlark
min_core_btf_test(
    name = "tracee_btfs_test",
    btfs = ":tracee_btfs",
)
```
""",
    attrs = {
        "btfs": attr.label(
            doc = "A `min_core_btf`.",
            mandatory = True,
            providers = [MinCoreBtfInfo],
        ),
    },
    test = True,
    toolchains = [TOOLCHAIN_TYPE],
)
