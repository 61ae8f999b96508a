"""min_core_btf_test: the promise, checked."""

load(":actions.bzl", "minbtf_executable")
load(":layout.bzl", "is_btf")
load(":minbtf_toolchain.bzl", "TOOLCHAIN_TYPE")
load(":providers.bzl", "MinCoreBtfInfo")

def _min_core_btf_test_impl(ctx):
    info = ctx.attr.btfs[MinCoreBtfInfo]
    arguments, files = ["verify"], []
    if info.kernels:
        pairs = ctx.actions.declare_file(ctx.label.name + ".pairs")
        lines = []
        for k in info.kernels:
            minimal = k.min.short_path if k.min else "{}/{}.btf".format(info.tree.short_path, k.key)
            lines.append("\t".join([k.full.short_path, minimal] + [m.short_path for m in k.modules]) + "\n")
            files += [k.full, k.min or info.tree] + k.modules
        ctx.actions.write(pairs, "".join(lines))
        arguments += ["--pairs", pairs]
    if info.full:
        arguments += [info.full, info.pack]
    return minbtf_executable(ctx, arguments = arguments + info.objects.to_list(), files = depset(files))

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

# A pack's kernels are not known. In these 16 shards 7,000 take little longer, since nothing has to be decompressed.
_KERNELS_OF_PACK = 16 * _KERNELS_OF_SHARD

def _labels(target, attribute):
    """The labels in an attribute of a target of this package; none where it is elsewhere, or select()s."""
    label = native.package_relative_label(target)
    rule = native.existing_rule(label.name) if label == native.package_relative_label(":" + label.name) else None
    value = rule.get(attribute) if rule else None
    return value if type(value) in ("list", "tuple") else []

def min_core_btf_test(name, btfs, size = None, shard_count = None, **kwargs):
    """Checks that objects relocate against the minimal BTF as they do against the full one.

    For each kernel of a `min_core_btf`, each program of its objects is relocated by cilium/ebpf against both, and the
    results are compared. It is not done again, as Bazel sees to it, before an object or a kernel changes.

    ```starlark
    min_core_btf_test(
        name = "tracee_btfs_test",
        btfs = ":tracee_btfs",
    )
    ```

    Where archives have a `.btfpack` among their sources, all kernels are compared with what the full packs have of them,
    from which they were tailored, and those whose own BTF is in `srcs` with that as well.

    Args:
      name: string: the target.
      btfs: label of a `min_core_btf`.
      size: string: how long a shard may take, as for all tests. By default it is `small`, one minute, where
        a shard has at most 64 kernels, counted as below.
      shard_count: int: how many shards share the kernels. By default there is one for each 64, and 16 for a pack or
        another label, at most 50, as far as `btfs` and its archives stand in this package, above.
      **kwargs: `tags` and other attributes that all tests have.
    """
    sources = [source for archive in _labels(btfs, "archives") for source in _labels(archive, "srcs")]
    kernels = len(sources) + (_KERNELS_OF_PACK - 1) * len([source for source in sources if not is_btf(source)])
    shards = (kernels + _KERNELS_OF_SHARD - 1) // _KERNELS_OF_SHARD
    if shard_count == None:
        shard_count = min(shards, _MAX_SHARDS) if shards > 1 else None
    if size == None and shards > 0 and shards <= (shard_count or 1):
        size = "small"
    _min_core_btf_test(
        name = name,
        btfs = btfs,
        shard_count = shard_count,
        size = size,
        **kwargs
    )
