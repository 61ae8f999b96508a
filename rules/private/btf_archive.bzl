"""btf_archive: kernels' BTF files."""

load(":layout.bzl", "LAYOUT", "is_below", "is_folder", "parse_kernel", "parse_module")
load(":providers.bzl", "BtfArchiveInfo")

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

def _btf_archive_impl(ctx):
    aliases = ctx.attr.aliases
    _check_aliases(aliases)
    if not ctx.files.srcs:
        fail("srcs: expected kernels' BTF files, got none; a release of an example may have come without its archive")
    kernels, files, modules = {}, {}, {}  # by key
    for file in ctx.files.srcs:
        if file.is_directory:
            fail("srcs: expected files, got the folder {}".format(file.short_path))
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
    for key in modules:
        if key not in kernels:
            fail("srcs: by its place {} is a module of the kernel {}, which srcs does not have; set strip_prefix, or add {}.btf.tar.xz".format(
                modules[key].values()[0].short_path,
                key,
                key,
            ))
    for link, target in aliases.items():
        if not [key for key in kernels if is_below(key, target)]:
            fail("aliases: '{}' leads to '{}', where srcs has no kernel".format(link, target))
    infos = [
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
    return [
        DefaultInfo(files = depset([file for kernel in infos for file in [kernel.file] + kernel.modules])),
        BtfArchiveInfo(kernels = infos, aliases = aliases),
    ]

btf_archive = rule(
    implementation = _btf_archive_impl,
    doc = """An archive of kernels' BTF files in BTFHub's layout, `distro/version/arch/release.btf.tar.xz`.

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
""",
    attrs = {
        "aliases": attr.string_dict(
            doc = "Folders that stand for others, by their paths in the archive: BTFHub has symbolic links such as `debian/bookworm` for `debian/12`. " +
                  "Sources under an alias are taken for the same files and dropped. Undeclared, they are kernels of their own, since Bazel cannot see that a folder is a link. (Delete `bazel-bin/<name>` of a `min_core_btf` after taking an alias away: Bazel would write through the link that it left there.)",
        ),
        "srcs": attr.label_list(
            doc = "The files: `.btf`, or that in a `.tar`, as `.xz`, `.gz` or `.zst`; modules' may be `.ko`, too.",
            mandatory = True,
            allow_files = True,
        ),
        "strip_prefix": attr.string(
            doc = "The folder that the layout begins in, relative to this package, or, with a leading slash and for sources of another repository, to the repository.",
        ),
    },
    provides = [BtfArchiveInfo],
)
