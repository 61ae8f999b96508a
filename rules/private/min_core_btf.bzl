"""min_core_btf: kernels' minimal BTF files for BPF objects."""

load(":actions.bzl", "check_relocations", "core_relocations", "core_report", "find_unserved", "merge_packs", "minbtf_executable", "tailor_btf", "unpack_files", "unpack_tree")
load(":configurations.bzl", "check_same_choices", "inner_attributes")
load(":globs.bzl", "glob_matches")
load(":layout.bzl", "is_below", "relative_link")
load(":minbtf_toolchain.bzl", "TOOLCHAIN_TYPE")
load(":providers.bzl", "BtfArchiveInfo", "CoreRelocationsInfo", "MinCoreBtfInfo")

# Packs are tailored by a target of its own (see configurations.bzl). Objects are
# built in its configuration, too; what this could get wrong is checked (see
# _min_core_btf_impl). <name> unpacks and merges what was tailored: that is done
# again in another configuration, but costs next to nothing.

_TAILORED = ".tailored"

_TailoredInfo = provider(
    doc = "What <name>.tailored hands to <name>.",
    fields = {
        "aliases": "as in MinCoreBtfInfo",
        "choices": "dict of the values of _CHOICE_ATTRS",
        "cpu": "list of strings: the processor that objects happened to be built for; None if the platform was named",
        "findings": "list of Files: what kernels do not serve",
        "full": "as in MinCoreBtfInfo",
        "kernels": "dict of the structs of BtfArchiveInfo, by key",
        "objects": "list of Files",
        "relocations": "File",
        "tailored": "list of structs: the string `name`, the File `pack`, and `kernels`, the list of keys of those in it; empty if they are not known",
        "unknown": "bool: whether there may be more kernels",
    },
)

_CHOICE_ATTRS = {
    "allow_type_id": attr.bool(),
    "arch": attr.string(),
    "archives": attr.label_list(mandatory = True, providers = [BtfArchiveInfo]),
    "exclude": attr.string_list(),
    "include": attr.string_list(),
}

def _choices(ctx):
    """The values of _CHOICE_ATTRS, which select() can have made other ones in another configuration."""
    return {
        "allow_type_id": ctx.attr.allow_type_id,
        "arch": ctx.attr.arch,
        "archives": [str(archive.label) for archive in ctx.attr.archives],
        "exclude": ctx.attr.exclude,
        "include": ctx.attr.include,
    }

def _merge_archives(archives):
    """The kernels and aliases of all BtfArchiveInfos, as dicts."""
    kernels, aliases = {}, {}
    for info in archives:
        for kernel in info.kernels:
            if kernel.key in kernels and kernels[kernel.key].file != kernel.file:
                fail("archives: two kernels named {}: {} and {}".format(
                    kernel.key,
                    kernels[kernel.key].file.short_path,
                    kernel.file.short_path,
                ))
            if kernel.key in kernels and kernels[kernel.key].modules != kernel.modules:
                fail("archives: {} has other modules in one archive than in another".format(kernel.key))
            kernels[kernel.key] = kernel
        for link, target in info.aliases.items():
            if aliases.get(link, target) != target:
                fail("archives: '{}' is an alias for both '{}' and '{}'".format(link, aliases[link], target))
            aliases[link] = target
    for link in aliases:
        for key in kernels:
            if is_below(key, link):
                fail("archives: '{}' is an alias in one archive and has the kernel {} in another".format(link, key))
        for other in aliases:
            if is_below(link, other) and link != other:
                fail("archives: '{}' is an alias in one archive and in '{}', an alias in another".format(link, other))
    return kernels, aliases

def _resolve(pattern, aliases):
    for link, target in aliases.items():
        if is_below(pattern, link):
            return target + pattern[len(link):]
    return pattern

def _filter_kernels(ctx, kernels, aliases, unknown):
    """Those of the kernels that pass the filters, as a dict.

    Args:
      ctx: the rule context.
      kernels: dict.
      aliases: dict.
      unknown: bool: whether there may be more kernels, which minbtf filters.

    Returns:
      A dict, sorted.
    """
    selected = kernels.keys()
    if ctx.attr.arch:
        found = {kernels[key].arch: True for key in selected}
        if ctx.attr.arch not in found and not unknown:
            fail("arch: expected one of {}, got '{}'".format(", ".join(sorted(found)), ctx.attr.arch))
        selected = [key for key in selected if kernels[key].arch == ctx.attr.arch]

    def matching(attribute, patterns):
        matched = {}
        for pattern in patterns:
            resolved = _resolve(pattern, aliases)
            found = [key for key in selected if glob_matches(resolved, key)]
            if not found and not unknown:
                folders = {kernels[key].distro + "/" + kernels[key].version: True for key in selected}
                fail("{}: '{}' matches none of the {} kernels{}, which are of {}; a pattern matches the whole of distro/version/arch/release, such as '{}/**'".format(
                    attribute,
                    pattern,
                    len(selected),
                    " of arch '{}'".format(ctx.attr.arch) if ctx.attr.arch else "",
                    ", ".join(sorted(folders)),
                    sorted(folders)[0],
                ))
            matched.update({key: True for key in found})
        return matched

    included = matching("include", ctx.attr.include)
    excluded = matching("exclude", ctx.attr.exclude)
    selected = sorted([key for key in selected if (not ctx.attr.include or key in included) and key not in excluded])
    if not selected and not unknown:
        fail("archives: no kernel is left after arch, include and exclude")
    return {key: kernels[key] for key in selected}

def _chunk_jobs(archives, kernels):
    """What to tailor in one action each, where all kernels are known.

    Args:
      archives: list of BtfArchiveInfos.
      kernels: dict of the kernels that are wanted.

    Returns:
      A list of structs with the File pack, the strings name and path, the list of strings kernels, and flags, which choose
      these from the pack.
    """
    jobs, left = [], dict(kernels)
    for i, info in enumerate(archives):
        for chunk in info.chunks:
            keys = [key for key in chunk.kernels if left.pop(key, None)]
            if keys:
                jobs.append(struct(
                    flags = ["--kernel=" + key for key in keys] if len(keys) < len(chunk.kernels) else [],
                    kernels = keys,
                    name = chunk.name,
                    pack = chunk.pack,
                    path = "{}/{}".format(i, chunk.name),
                ))
    return jobs

def _single_job(ctx, label, archives, aliases):
    """The same where minbtf alone knows all kernels, and so has to see to the filters.

    Args:
      ctx: the rule context.
      label: string: the label that users know.
      archives: list of BtfArchiveInfos.
      aliases: dict.

    Returns:
      A struct, as above.
    """
    packs = {pack: True for info in archives for pack in [chunk.pack for chunk in info.chunks] + info.packs}.keys()
    pack = packs[0]
    if len(packs) > 1:  # which may have kernels in common
        pack = ctx.actions.declare_file(ctx.label.name + ".full.btfpack")
        merge_packs(ctx, packs, pack, "BtfPack", "Packing BTF for {}".format(label))
    flags = ["--arch=" + ctx.attr.arch] if ctx.attr.arch else []
    flags += ["--include=" + _resolve(pattern, aliases) for pattern in ctx.attr.include]
    flags += ["--exclude=" + _resolve(pattern, aliases) for pattern in ctx.attr.exclude]
    return struct(flags = flags, kernels = [], name = "all kernels", pack = pack, path = "all")

# What objects usually depend on: "-D__TARGET_ARCH_arm64".
_CPUS = [
    Label("@platforms//cpu:" + cpu)
    for cpu in ["aarch64", "arm", "armv7", "i386", "mips64", "ppc", "ppc64le", "riscv64", "s390x", "x86_64"]
]

_CPU_ATTRS = {"_cpus": attr.label_list(default = _CPUS)}

def _cpu(ctx):
    """The target platform's processor, as constraint values' names."""
    return [
        cpu.label.name
        for cpu in ctx.attr._cpus
        if ctx.target_platform_has_constraint(cpu[platform_common.ConstraintValueInfo])
    ]

def _objects_transition_impl(settings, attr):
    if not attr.platform:
        return {"//command_line_option:platforms": settings["//command_line_option:platforms"]}
    return {"//command_line_option:platforms": [str(attr.platform)]}

_objects_transition = transition(
    implementation = _objects_transition_impl,
    inputs = ["//command_line_option:platforms"],
    outputs = ["//command_line_option:platforms"],
)

def _tailored_impl(ctx):
    label = "//{}:{}".format(ctx.label.package, ctx.label.name.removesuffix(_TAILORED))
    if not ctx.attr.archives:
        fail("archives: expected btf_archives, got none")
    archives = [archive[BtfArchiveInfo] for archive in ctx.attr.archives]
    unknown = bool([info for info in archives if info.packs])
    kernels, aliases = _merge_archives(archives)
    kernels = _filter_kernels(ctx, kernels, aliases, unknown)
    objects = depset(ctx.files.objects)
    if not ctx.files.objects:
        fail("objects: expected BPF objects, got none")
    relocations = ctx.actions.declare_file(ctx.label.name + ".relocs.json")
    core_relocations(ctx, label, objects, ctx.attr.allow_type_id, relocations)
    tailored, findings = [], []
    jobs = [_single_job(ctx, label, archives, aliases)] if unknown else _chunk_jobs(archives, kernels)
    for job in jobs:
        pack = ctx.actions.declare_file("{}/{}.btfpack".format(ctx.label.name, job.path))
        tailor_btf(ctx, label, job, relocations, pack)
        tailored.append(struct(name = job.name, kernels = job.kernels, pack = pack))
        found = ctx.actions.declare_file("{}.findings/{}.json".format(ctx.label.name, job.path))
        find_unserved(ctx, label, job, relocations, found)
        findings.append(found)
    return [_TailoredInfo(
        aliases = {
            link: target
            for link, target in aliases.items()
            if unknown or [key for key in kernels if is_below(key, target)]
        },
        choices = _choices(ctx),
        cpu = None if ctx.attr.platform else _cpu(ctx),
        findings = findings,
        full = jobs[0].pack if unknown else None,
        kernels = kernels,
        objects = ctx.files.objects,
        relocations = relocations,
        tailored = tailored,
        unknown = unknown,
    )]

_tailored_btfs = rule(
    implementation = _tailored_impl,
    attrs = {
        "objects": attr.label_list(mandatory = True, allow_files = True, cfg = _objects_transition),
        "platform": attr.label(),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
    } | _CHOICE_ATTRS | _CPU_ATTRS,
    toolchains = [TOOLCHAIN_TYPE],
)

def _unpack(ctx, label, tailored):
    """Has the tree of <name> written, but for links.

    Args:
      ctx: the rule context.
      label: string: the label that users know.
      tailored: _TailoredInfo.

    Returns:
      A dict of the kernels' Files by key, and None; or an empty one, and the one folder that has them all.
    """
    if tailored.unknown:
        tree = ctx.actions.declare_directory(ctx.label.name)
        unpack_tree(ctx, label, tailored.tailored[0].pack, tree)
        return {}, tree
    files = {}
    for chunk in tailored.tailored:
        of_chunk = {key: ctx.actions.declare_file("{}/{}.btf".format(ctx.label.name, key)) for key in chunk.kernels}
        unpack_files(ctx, label, chunk.name, chunk.pack, of_chunk)
        files.update(of_chunk)
    return files, None

def _min_core_btf_impl(ctx):
    label = "//{}:{}".format(ctx.label.package, ctx.label.name)
    tailored = ctx.attr.tailored[_TailoredInfo]
    check_same_choices(_choices(ctx), tailored.choices, "have an alias select() one of several min_core_btfs instead")

    # Objects come twice: as this target sees them, and as the tailoring did.
    # A label_flag may have kept its value on the way, or not (newer Bazels).
    here = {str(f.owner): True for f in ctx.files.objects}
    there = {str(f.owner): True for f in tailored.objects}
    if here != there:
        fail("objects: expected the same in the execution configuration, got {} here and {} there; have a filegroup select() them and name the platform; give a label_flag scope = 'universal'".format(
            ", ".join(here.keys()),
            ", ".join(there.keys()),
        ))
    objects = depset(ctx.files.objects)
    validations = []
    if (tailored.cpu != None and tailored.cpu != _cpu(ctx) and
        [f for f in ctx.files.objects if not f.is_source]):
        # They were built for another processor than asked for. That does no harm unless their relocations differ.
        same = ctx.actions.declare_file(ctx.label.name + ".relocs.checked.json")
        check_relocations(
            ctx,
            label = label,
            objects = objects,
            expected = tailored.relocations,
            hint = "the objects' relocations depend on the platform; name it with min_core_btf's attribute platform",
            output = same,
        )
        validations.append(same)

    relocations = ctx.actions.declare_file(ctx.label.name + ".relocs.json")
    ctx.actions.symlink(output = relocations, target_file = tailored.relocations)
    pack = ctx.actions.declare_file(ctx.label.name + ".btfpack")
    merge_packs(ctx, [chunk.pack for chunk in tailored.tailored], pack, "BtfMerge", "Merging packs for {}".format(label))
    min, tree = _unpack(ctx, label, tailored)
    kernels = [
        struct(key = key, full = kernel.file, modules = kernel.modules, min = min.get(key))
        for key, kernel in tailored.kernels.items()
    ]

    # The objects are those of which the relocations were read.
    report = ctx.actions.declare_file(ctx.label.name + ".report.json")
    core_report(ctx, label, depset(tailored.objects), tailored.findings, report)
    links = []
    for link, target in tailored.aliases.items() if not tree else []:
        file = ctx.actions.declare_symlink("{}/{}".format(ctx.label.name, link))
        ctx.actions.symlink(output = file, target_path = relative_link(link, target))
        links.append(file)
    files = depset([k.min for k in kernels] + links if not tree else [tree])
    return [
        DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files)),
        OutputGroupInfo(
            findings = depset(tailored.findings),
            pack = depset([pack]),
            relocations = depset([relocations]),
            report = depset([report]),
            # Bazel fetches from a cache what somebody asks for. It forgets what a link leads to where that
            # was made again, but is the same: so what the link to the relocations leads to is asked for, too.
            _validation = depset(validations + [tailored.relocations]),
        ),
        CoreRelocationsInfo(objects = objects, relocations = relocations),
        MinCoreBtfInfo(
            aliases = tailored.aliases,
            full = tailored.full,
            kernels = kernels,
            objects = objects,
            pack = pack,
            tree = tree,
        ),
    ]

_min_core_btf = rule(
    implementation = _min_core_btf_impl,
    attrs = {
        "objects": attr.label_list(mandatory = True, allow_files = True, cfg = _objects_transition),
        "platform": attr.label(),
        "tailored": attr.label(mandatory = True, providers = [_TailoredInfo], cfg = "exec"),
        "_allowlist_function_transition": attr.label(default = "@bazel_tools//tools/allowlists/function_transition_allowlist"),
    } | _CHOICE_ATTRS | _CPU_ATTRS,
    provides = [CoreRelocationsInfo, MinCoreBtfInfo],
    toolchains = [TOOLCHAIN_TYPE],
)

def _export_impl(ctx):
    info = ctx.attr.btfs[MinCoreBtfInfo]
    tree = ctx.actions.declare_file(ctx.label.name + ".tree")
    files = [(".", info.tree)] if info.tree else [(k.key + ".btf", k.min) for k in info.kernels]
    ctx.actions.write(tree, "".join(
        ["{}\t{}\n".format(path, file.short_path) for path, file in files] +
        ["{}\t-> {}\n".format(link, relative_link(link, target)) for link, target in info.aliases.items()],
    ))
    return minbtf_executable(
        ctx,
        arguments = ["export", "--tree", tree],
        files = depset([file for _, file in files]),
    )

_export = rule(
    implementation = _export_impl,
    attrs = {
        "btfs": attr.label(mandatory = True, providers = [MinCoreBtfInfo]),
    },
    executable = True,
    toolchains = [TOOLCHAIN_TYPE],
)

def min_core_btf(name, objects, archives, arch = None, include = None, exclude = None, platform = None, allow_type_id = False, tags = None, **kwargs):
    """Kernels' BTF, cut down to what the CO-RE relocations of BPF objects need.

    ```starlark
    min_core_btf(
        name = "tracee_btfs",
        archives = [":kernels"],
        objects = ["tracee.bpf.o"],
    )
    ```

    `bazel build` gives a tree of `<name>/distro/version/arch/release.btf`. It does the work again only
    where the objects' *relocations* or a kernel changed. (If archives have a `.btfpack` among their sources, the tree is
    one output, without links for aliases.) Output groups:

    *   `pack`: `<name>.btfpack`, all of that in one small file, for an application to embed.
    *   `relocations`: the canonical relocations, JSON, as are the following.
    *   `report`: what which kernels do not serve, that is relocations which find no type or field, or several that
        disagree; whether that is what they are there to find out (existence checks), or poisons an instruction or
        has a program refused; and the programs that it concerns. Also what in the objects asks for the running
        kernel's own BTF, so that the programs do not load on a kernel without (fentry, LSM, kernel functions and more).
    *   `findings`: the same without the programs, for tools: a file for each chunk of kernels that are tailored together,
        which lists these `kernels`, and has each finding once, with the ranges of kernels that have it (first and last
        index, from 0).

    No `select()` can choose other kernels for other platforms here. Have several targets, and an `alias` that
    selects one of them.

    Two more targets:

    *   `<name>.export`: `bazel run //:<name>.export -- DIR` writes the tree to a folder, as BTFHub's
        `custom-archive`. It deletes nothing: the file of a kernel that left the archives stays there, as it does in
        `bazel-bin/<name>`. The pack never has more than the archives.
    *   `<name>.tailored`: where the work is done, for the execution platform; not for use.

    Args:
      name: string: the target.
      objects: labels of BPF ELF objects: files, or rules that make them. They are built for the execution
        platform, so that nothing is done again under another `--platforms` or `-c opt`. Where their relocations
        depend on the platform, the build says so; then name it with `platform`, and have a `filegroup`, not this
        attribute, `select()` the objects.
      archives: labels of `btf_archive`s.
      arch: string: only kernels of this architecture, as the archive spells it, such as `x86_64`.
      include: list of strings: only kernels `distro/version/arch/release` that match one of these globs, such as
        `debian/12/**`. `*` and `?` match within a segment, `**` any number of segments.
      exclude: list of strings: no kernels that match one of these globs.
      platform: label of the platform to build the objects for, where they depend on it.
      allow_type_id: bool: whether the objects may ask for the id of a kernel's type (`bpf_core_type_id_kernel`,
        `bpf_core_cast`). It is an error otherwise: the id would be that of the minimal BTF, which the running kernel
        does not know.
      tags: list of strings: as everywhere.
      **kwargs: `visibility`, `testonly` and other attributes that all rules have.
    """
    tags = tags or []
    _tailored_btfs(
        name = name + _TAILORED,
        allow_type_id = allow_type_id,
        arch = arch,
        archives = archives,
        exclude = exclude,
        include = include,
        objects = objects,
        platform = platform,
        **inner_attributes(tags, kwargs)
    )
    _min_core_btf(
        name = name,
        allow_type_id = allow_type_id,
        arch = arch,
        archives = archives,
        exclude = exclude,
        include = include,
        objects = objects,
        platform = platform,
        tags = tags,
        tailored = name + _TAILORED,
        **kwargs
    )
    _export(
        name = name + ".export",
        btfs = name,
        tags = tags + ["manual"],
        **kwargs
    )
