"""btf_archive: kernels' BTF files."""

load(":actions.bzl", "import_btf", "merge_packs")
load(":chunks.bzl", "split_into_chunks")
load(":configurations.bzl", "check_same_choices", "inner_attributes")
load(":layout.bzl", "LAYOUT", "PACK_EXTENSION", "is_below", "is_folder", "parse_kernel", "parse_module")
load(":minbtf_toolchain.bzl", "TOOLCHAIN_TYPE")
load(":providers.bzl", "BtfArchiveInfo")

# The kernels are imported by a target of its own (see configurations.bzl), once
# for all that use the archive, and only if one of them wants their packs.
_PACKS = ".packs"

_PacksInfo = provider(
    doc = "What <name>.packs hands to <name>.",
    fields = {
        "archive": "BtfArchiveInfo",
        "choices": "dict of the attributes' values",
    },
)

def _choices(ctx):
    """The attributes' values, which select() can have made other ones in another configuration."""
    return {
        "aliases": ctx.attr.aliases,
        "srcs": [file.short_path for file in ctx.files.srcs],
        "strip_prefix": ctx.attr.strip_prefix,
    }

def _path_in_archive(ctx, file):
    """The path of a source relative to the archive; None if it is outside."""
    path = file.short_path
    if path.startswith("../"):  # in a repository that is not the main one
        path = path.split("/", 2)[2]
    prefix = ctx.attr.strip_prefix.strip("/")
    if not ctx.attr.strip_prefix.startswith("/") and ctx.label.workspace_name == file.owner.workspace_name:
        prefix = (ctx.label.package + "/" + prefix).strip("/")
    if not prefix:
        return path
    return path[len(prefix) + 1:] if path.startswith(prefix + "/") else None

def _check_aliases(aliases):
    for link, target in aliases.items():
        if not is_folder(link) or not is_folder(target) or is_below(link, target) or is_below(target, link):
            fail("aliases: expected two different folders of the archive, got '{}' for '{}'".format(link, target))
        for other in aliases:
            if is_below(target, other):
                fail("aliases: '{}' leads to '{}', which is an alias itself".format(link, target))
            if is_below(link, other) and link != other:
                fail("aliases: '{}' is in '{}', which is an alias itself".format(link, other))

def _kernels(ctx, sources):
    """The kernels of the sources, as in BtfArchiveInfo."""
    aliases = ctx.attr.aliases
    kernels, files, modules = {}, {}, {}  # by key
    for file in sources:
        path = _path_in_archive(ctx, file)
        kernel = parse_kernel(path) if path else None
        module = parse_module(path) if path else None
        if not kernel and not module:
            fail("srcs: expected {} below '{}', got {}; set strip_prefix, or leave the file out".format(
                LAYOUT,
                ctx.attr.strip_prefix,
                file.short_path,
            ))
        key = kernel.key if kernel else module.kernel
        if [link for link in aliases if is_below(key, link)]:
            continue  # the same file by another name: glob follows BTFHub's symbolic links
        if kernel:
            kernels[key] = kernel
            of, what, name = files, "kernels", key
        else:
            of, what, name = modules.setdefault(key, {}), "modules of " + key, module.name
        if of.get(name, file) != file:
            fail("srcs: two {} named {}: {} and {}".format(what, name, of[name].short_path, file.short_path))
        of[name] = file
    for key, of_key in modules.items():
        if key in kernels:
            continue
        file = of_key.values()[0]
        folder, _, rest = _path_in_archive(ctx, file).partition("/")
        if not kernels and parse_kernel(rest):
            fail("srcs: expected {} below '{}', got {}; set strip_prefix = '{}' (or add {}.btf.tar.xz, if that is a module of it)".format(
                LAYOUT,
                ctx.attr.strip_prefix,
                file.short_path,
                (ctx.attr.strip_prefix.rstrip("/") + "/" if ctx.attr.strip_prefix else "") + folder,
                key,
            ))
        fail("srcs: by its place {} is a module of the kernel {}, which srcs does not have; add {}.btf.tar.xz".format(file.short_path, key, key))
    return [
        struct(
            key = key,
            distro = kernels[key].distro,
            version = kernels[key].version,
            arch = kernels[key].arch,
            release = kernels[key].release,
            file = files[key],
            modules = [file for _, file in sorted(modules.get(key, {}).items())],
        )
        for key in sorted(kernels)
    ]

def _chunks(ctx, kernels):
    """Has kernels packed: a list of structs as in BtfArchiveInfo."""
    series, parts = {}, {}
    for kernel in kernels:
        part = ctx.actions.declare_file("{}/kernels/{}.btfpack".format(ctx.label.name, kernel.key))
        import_btf(ctx, kernel, part)
        parts[kernel.key] = part
        series.setdefault("/".join([kernel.distro, kernel.version, kernel.arch]), []).append(kernel.release)
    chunks = []
    for folder, releases in series.items():
        for part, of_chunk in split_into_chunks(releases).items():
            name = "{}/{}".format(folder, part)
            keys = ["{}/{}".format(folder, release) for release in of_chunk]
            pack = ctx.actions.declare_file("{}/chunks/{}.btfpack".format(ctx.label.name, name))
            merge_packs(ctx, [parts[key] for key in keys], pack, "BtfPack", "Packing BTF of {}".format(name))
            chunks.append(struct(name = name, kernels = keys, pack = pack))
    return chunks

def _packs_impl(ctx):
    _check_aliases(ctx.attr.aliases)
    for file in ctx.files.srcs:
        if file.is_directory:
            fail("srcs: expected files, got the folder {}".format(file.short_path))
    packs = [file for file in ctx.files.srcs if file.extension == PACK_EXTENSION]
    kernels = _kernels(ctx, [file for file in ctx.files.srcs if file.extension != PACK_EXTENSION])
    if not kernels and not packs:
        fail("srcs: expected kernels' BTF files, got none; a release of an example may have come without its archive")
    for link, target in ctx.attr.aliases.items():
        if not packs and not [kernel for kernel in kernels if is_below(kernel.key, target)]:
            fail("aliases: '{}' leads to '{}', where srcs has no kernel".format(link, target))
    return [_PacksInfo(
        archive = BtfArchiveInfo(
            aliases = ctx.attr.aliases,
            chunks = _chunks(ctx, kernels),
            kernels = kernels,
            packs = packs,
        ),
        choices = _choices(ctx),
    )]

_ATTRS = {
    "aliases": attr.string_dict(),
    "srcs": attr.label_list(mandatory = True, allow_files = True),
    "strip_prefix": attr.string(),
}

_packs = rule(
    implementation = _packs_impl,
    attrs = _ATTRS,
    provides = [_PacksInfo],
    toolchains = [TOOLCHAIN_TYPE],
)

def _btf_archive_impl(ctx):
    packs = ctx.attr.packs[_PacksInfo]
    check_same_choices(_choices(ctx), packs.choices, "have an alias select() one of several btf_archives instead")
    info = packs.archive
    pack = ctx.actions.declare_file(ctx.label.name + "." + PACK_EXTENSION)
    merge_packs(
        ctx,
        packs = [chunk.pack for chunk in info.chunks] + info.packs,
        output = pack,
        mnemonic = "BtfMerge",
        progress_message = "Merging packs of //{}:{}".format(ctx.label.package, ctx.label.name),
    )
    return [
        DefaultInfo(files = depset([file for kernel in info.kernels for file in [kernel.file] + kernel.modules] + info.packs)),
        OutputGroupInfo(pack = depset([pack])),
        info,
    ]

_btf_archive = rule(
    implementation = _btf_archive_impl,
    attrs = _ATTRS | {
        "packs": attr.label(mandatory = True, providers = [_PacksInfo], cfg = "exec"),
    },
    provides = [BtfArchiveInfo],
    toolchains = [TOOLCHAIN_TYPE],
)

def btf_archive(name, srcs, strip_prefix = None, aliases = None, tags = None, **kwargs):
    """An archive of kernels' BTF files in BTFHub's layout, `distro/version/arch/release.btf.tar.xz`.

    ```starlark
    btf_archive(
        name = "kernels",
        srcs = glob(["archive/**/*.btf.tar.xz"]),
        aliases = {"debian/bookworm": "debian/12"},
        strip_prefix = "archive",
    )
    ```

    Modules, whose types some programs look into, stand in a folder beside their vmlinux, which is named by the release:
    `distro/version/arch/release/MODULE.btf.tar.xz`, or `MODULE.ko`. Programs are then served as if all of these were
    loaded: `min_core_btf` makes one file for vmlinux and its modules, in the order of the modules' names.

    ```starlark
    btf_archive(
        name = "kernels",
        srcs = glob([
            "archive/**/*.btf.tar.xz",
            "archive/**/nf_conntrack.ko",
        ]),
        strip_prefix = "archive",
    )
    ```

    Each kernel is imported into a pack once, in which kernels that are nearly the same take little room: when something
    is first tailored of it, or for the output group `pack`, which is `<name>.btfpack`, all kernels in one file. It can be
    published, and is a source like any other (as is the output of `minbtf pack`):

    ```starlark
    btf_archive(
        name = "kernels",
        srcs = ["@company_kernels//file"],  # an http_file with downloaded_file_path = "kernels.btfpack"
    )
    ```

    Bazel does not know which kernels are in it. So a `min_core_btf` gives one folder then, not a file for each kernel;
    all is tailored in one action; and `min_core_btf_test` compares with the full pack, as far as the kernels' own BTF is not in `srcs`.

    One more target, `<name>.packs`, is where kernels are imported, for the execution platform; not for use. No `select()`
    can therefore choose other kernels for other platforms here. Have several targets, and an `alias` that selects one
    of them.

    Args:
      name: string: the target.
      srcs: labels of the files: `.btf`, or that in a `.tar`, as `.xz`, `.gz` or `.zst`; modules' may be `.ko`, too. And
        packs, `.btfpack`, which may be anywhere.
      strip_prefix: string: the folder that the layout begins in, relative to this package, or, with a leading slash and
        for sources of another repository, to the repository.
      aliases: dict of strings: folders that stand for others, by their paths in the archive: BTFHub has symbolic links
        such as `debian/bookworm` for `debian/12`. Sources under an alias are taken for the same files and dropped.
        Undeclared, they are kernels of their own, since Bazel cannot see that a folder is a link. (Delete
        `bazel-bin/<name>` of a `min_core_btf` after taking an alias away: Bazel would write through the link that it
        left there.)
      tags: list of strings: as everywhere.
      **kwargs: `visibility`, `testonly` and other attributes that all rules have.
    """
    tags = tags or []
    _packs(
        name = name + _PACKS,
        srcs = srcs,
        aliases = aliases,
        strip_prefix = strip_prefix,
        **inner_attributes(tags, kwargs)
    )
    _btf_archive(
        name = name,
        srcs = srcs,
        aliases = aliases,
        packs = name + _PACKS,
        strip_prefix = strip_prefix,
        tags = tags,
        **kwargs
    )
