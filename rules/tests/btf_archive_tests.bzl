"""Analysis tests of btf_archive."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts", "loadingtest")
load("//rules:defs.bzl", "BtfArchiveInfo", "btf_archive")
load(":testing.bzl", "COMMON_ATTRIBUTES", "config", "describe", "empty_files", "empty_folder", "expect_common_attributes", "failure_for_other_platform_test", "failure_test")

def _archive_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[BtfArchiveInfo]
    asserts.equals(env, ctx.attr.keys, [k.key for k in info.kernels])
    asserts.equals(env, ctx.attr.aliases, info.aliases)
    for kernel in info.kernels:
        asserts.equals(env, kernel.key, "/".join([kernel.distro, kernel.version, kernel.arch, kernel.release]))
        asserts.true(
            env,
            kernel.file.basename.startswith(kernel.release + ".btf"),
            "{} has the file {}".format(kernel.key, kernel.file.short_path),
        )
    for kernel, path in zip(info.kernels, ctx.attr.paths):
        asserts.true(
            env,
            kernel.file.short_path.endswith("/" + path),
            "{} has the file {}, not {}".format(kernel.key, kernel.file.short_path, path),
        )
    modules = {
        k.key: [f.short_path.split("/" + k.key + "/")[1] for f in k.modules]
        for k in info.kernels
        if k.modules
    }
    asserts.equals(env, ctx.attr.modules, modules)
    asserts.equals(env, ctx.attr.packs, [f.basename for f in info.packs])
    asserts.equals(
        env,
        [f for k in info.kernels for f in [k.file] + k.modules] + info.packs,
        target[DefaultInfo].files.to_list(),
    )

    # Each kernel is in one chunk, among kernels of the same distro, version and architecture.
    asserts.equals(env, ctx.attr.keys, sorted([key for chunk in info.chunks for key in chunk.kernels]))
    for chunk in info.chunks:
        folder = chunk.name.rsplit("/", 1)[0]
        asserts.equals(env, [folder], {key.rsplit("/", 1)[0]: True for key in chunk.kernels}.keys())
        asserts.true(env, chunk.pack.short_path.endswith(".packs/chunks/{}.btfpack".format(chunk.name)), "chunk {} is {}".format(chunk.name, chunk.pack))
    return analysistest.end(env)

_archive_test = analysistest.make(
    _archive_test_impl,
    config_settings = config(),
    attrs = {
        "aliases": attr.string_dict(doc = "Those of BtfArchiveInfo."),
        "keys": attr.string_list(doc = "The kernels."),
        "modules": attr.string_list_dict(doc = "The modules' files, by kernel."),
        "packs": attr.string_list(doc = "The names of packs among the sources."),
        "paths": attr.string_list(doc = "How their files' paths end; empty: not looked at."),
    },
)

# What <name>.packs does, and <name>.

_PackingInfo = provider(
    doc = "What the target <name>.packs of a btf_archive does.",
    fields = {"actions": "list of Actions"},
)

def _packing_impl(target, ctx):
    if hasattr(ctx.rule.attr, "packs"):
        return [ctx.rule.attr.packs[_PackingInfo]]
    return [_PackingInfo(actions = target.actions)]

_packing = aspect(
    implementation = _packing_impl,
    attr_aspects = ["packs"],
)

def _actions_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = target.label.name
    info = target[BtfArchiveInfo]
    merge = [describe(a) for a in analysistest.target_actions(env)]
    asserts.equals(env, 1, len(merge))
    tool = merge[0].argv[0]

    def expect(action, mnemonic, arguments, inputs, outputs):
        asserts.equals(env, struct(
            argv = [tool] + arguments,
            inputs = sorted(inputs + [tool]),
            mnemonic = mnemonic,
            outputs = outputs,
        ), action)

    # Each kernel on its own, of which the action reads nothing else; then each chunk.
    actions = [describe(a) for a in target[_PackingInfo].actions]
    parts = {}
    imports = [a for a in actions if a.mnemonic == "BtfImport"]
    asserts.equals(env, len(info.kernels), len(imports))
    for kernel, action in zip(info.kernels, imports):
        part = action.outputs[0]
        parts[kernel.key] = part
        asserts.true(env, part.endswith("/{}.packs/kernels/{}.btfpack".format(name, kernel.key)), "{} is imported to {}".format(kernel.key, part))
        modules = [arg for f in kernel.modules for arg in ["--module", f.path]]
        expect(
            action,
            "BtfImport",
            ["pack", "--quiet", "--name", kernel.key] + modules + ["-o", part, kernel.file.path],
            [f.path for f in [kernel.file] + kernel.modules],
            [part],
        )
    packs = [a for a in actions if a.mnemonic == "BtfPack"]
    asserts.equals(env, len(info.chunks), len(packs))
    for chunk, action in zip(info.chunks, packs):
        files = [parts[key] for key in chunk.kernels]
        expect(action, "BtfPack", ["pack", "--quiet", "-o", chunk.pack.path] + files, files, [chunk.pack.path])
    asserts.equals(env, len(imports) + len(packs), len(actions))

    # One file for all, if somebody asks.
    pack = target[OutputGroupInfo].pack.to_list()
    asserts.equals(env, [name + ".btfpack"], [f.basename for f in pack])
    files = [chunk.pack.path for chunk in info.chunks] + [f.path for f in info.packs]
    expect(merge[0], "BtfMerge", ["pack", "--quiet", "-o", pack[0].path] + files, files, [pack[0].path])

    # The work is the same, whatever the rest is built for.
    usual = ctx.attr.usual[0]
    asserts.equals(env, [describe(a) for a in usual[_PackingInfo].actions], actions)
    asserts.equals(env, usual[BtfArchiveInfo].chunks, info.chunks)
    asserts.false(env, usual[OutputGroupInfo].pack.to_list() == pack, "the configuration is the same")
    for action in target[_PackingInfo].actions:
        asserts.equals(env, {}, action.env)
        for path in action.argv + describe(action).inputs:
            asserts.false(env, path.startswith("/"), "{} is not relative".format(path))
    return analysistest.end(env)

_actions_test = analysistest.make(
    _actions_test_impl,
    attrs = {
        "usual": attr.label(
            aspects = [_packing],
            cfg = analysis_test_transition(settings = config()),
            doc = "The target under test, for the usual configuration.",
            mandatory = True,
        ),
    },
    config_settings = config(compilation_mode = "opt"),
    extra_target_under_test_aspects = [_packing],
)

# Deliberately not sorted.
_FILES = [
    "archive/ubuntu/22.04/x86_64/5.15.0-25-generic.btf.tar.xz",
    "archive/debian/12/x86_64/6.1.0-9-amd64.btf.tar.xz",
    "archive/debian/12/x86_64/6.1.0-10-amd64.btf.zst",
    "archive/debian/12/arm64/6.1.0-9-arm64.btf",
    "archive/debian/13/x86_64/6.12.94+deb13~bpo.btf.gz",
]

_KEYS = [
    "debian/12/arm64/6.1.0-9-arm64",
    "debian/12/x86_64/6.1.0-10-amd64",
    "debian/12/x86_64/6.1.0-9-amd64",
    "debian/13/x86_64/6.12.94+deb13~bpo",
    "ubuntu/22.04/x86_64/5.15.0-25-generic",
]

_DEBIAN = [
    "archive/debian/12/x86_64/6.1.0-1-amd64.btf",
    "archive/debian/bookworm/x86_64/6.1.0-1-amd64.btf",
]

def _accepts(name, srcs, keys, paths = [], modules = {}, packs = [], strip_prefix = None, aliases = {}):
    """Declares an archive and a test of what it has."""
    btf_archive(
        name = name + ".subject",
        srcs = srcs,
        aliases = aliases,
        strip_prefix = strip_prefix,
        tags = ["manual"],
    )
    _archive_test(
        name = name,
        size = "small",
        aliases = aliases,
        keys = keys,
        modules = modules,
        packs = packs,
        paths = paths,
        target_under_test = name + ".subject",
    )

def _fails(name, message, srcs, strip_prefix = None, aliases = {}):
    """Declares an archive that cannot be, and a test of the message."""
    btf_archive(
        name = name + ".subject",
        srcs = srcs,
        aliases = aliases,
        strip_prefix = strip_prefix,
        tags = ["manual"],
    )
    failure_test(
        name = name,
        size = "small",
        message = message,
        target_under_test = name + ".subject.packs",
    )

def _files(name, outs):
    empty_files(
        name = name,
        outs = ["{}/{}".format(name, out) for out in outs],
        tags = ["manual"],
    )

def btf_archive_tests(name):
    """Declares the tests of this file.

    Args:
      name: string: the test_suite of all, and how other names begin.
    """
    package = "/" + native.package_name()
    kernels = name + "_kernels"
    debian = name + "_debian"
    stray = name + "_stray"
    folder = name + "_folder"
    _files(kernels, _FILES)
    _files(debian, _DEBIAN)
    _files(stray, ["archive/README.md"])
    empty_folder(name = folder, out = folder + "/debian/12/x86_64/6.1.0.btf", tags = ["manual"])
    native.filegroup(name = name + "_nothing", tags = ["manual"])
    tests = []

    def accepts(case, **kwargs):
        tests.append("{}_{}_test".format(name, case))
        _accepts(name = tests[-1], **kwargs)

    def fails(case, **kwargs):
        tests.append("{}_{}_test".format(name, case))
        _fails(name = tests[-1], **kwargs)

    accepts(
        "sorted",
        srcs = [kernels],
        keys = _KEYS,
        paths = [
            "{}/archive/{}".format(kernels, path)
            for path in [
                "debian/12/arm64/6.1.0-9-arm64.btf",
                "debian/12/x86_64/6.1.0-10-amd64.btf.zst",
                "debian/12/x86_64/6.1.0-9-amd64.btf.tar.xz",
                "debian/13/x86_64/6.12.94+deb13~bpo.btf.gz",
                "ubuntu/22.04/x86_64/5.15.0-25-generic.btf.tar.xz",
            ]
        ],
        strip_prefix = kernels + "/archive",
    )
    accepts("trailing_slash", srcs = [kernels], keys = _KEYS, strip_prefix = kernels + "/archive/")
    accepts("absolute", srcs = [kernels], keys = _KEYS, strip_prefix = "{}/{}/archive".format(package, kernels))
    accepts("same_source_twice", srcs = [kernels, ":" + kernels + "_again"], keys = _KEYS, strip_prefix = kernels + "/archive")
    native.filegroup(name = kernels + "_again", srcs = [kernels], tags = ["manual"])

    # Aliases: what is under one is the same once more.
    accepts(
        "alias",
        srcs = [debian],
        keys = ["debian/12/x86_64/6.1.0-1-amd64"],
        paths = [debian + "/archive/debian/12/x86_64/6.1.0-1-amd64.btf"],
        aliases = {"debian/bookworm": "debian/12"},
        strip_prefix = debian + "/archive",
    )
    accepts(
        "no_alias",
        srcs = [debian],
        keys = ["debian/12/x86_64/6.1.0-1-amd64", "debian/bookworm/x86_64/6.1.0-1-amd64"],
        strip_prefix = debian + "/archive",
    )
    accepts(
        "aliases_for_all_depths",
        srcs = [kernels],
        keys = _KEYS,
        aliases = {
            "debian/12/aarch64": "debian/12/arm64",
            "debian/bookworm": "debian/12",
            "debian/oldstable": "debian/12",
            "raspbian": "debian",
        },
        strip_prefix = kernels + "/archive",
    )
    accepts(
        "alias_beside_a_longer_name",
        srcs = [debian],
        keys = ["debian/12/x86_64/6.1.0-1-amd64", "debian/bookworm/x86_64/6.1.0-1-amd64"],
        aliases = {"debian/book": "debian/12"},
        strip_prefix = debian + "/archive",
    )

    # Modules stand in a folder beside their vmlinux, and under an alias, too.
    modules = name + "_modules"
    _files(modules, [
        "debian/12/x86_64/6.1.0/zram.ko",
        "debian/12/x86_64/6.1.0/nf_conntrack.btf.tar.xz",
        "debian/12/x86_64/6.1.0/nf_conntrack_ftp.ko.xz",
        "debian/12/x86_64/6.1.0.btf.tar.xz",
        "debian/12/x86_64/6.1.0-rt.btf",
        "debian/bookworm/x86_64/6.1.0/zram.ko",
        "debian/bookworm/x86_64/6.1.0.btf.tar.xz",
        "debian/13/x86_64/6.12.0.btf",
        "debian/13/x86_64/6.12.0/zram.btf",
    ])
    for case, srcs in {"modules": [modules], "modules_twice": [modules, modules + "_again"]}.items():
        accepts(
            case,
            srcs = srcs,
            keys = ["debian/12/x86_64/6.1.0", "debian/12/x86_64/6.1.0-rt", "debian/13/x86_64/6.12.0"],
            aliases = {"debian/bookworm": "debian/12"},
            modules = {
                "debian/12/x86_64/6.1.0": ["nf_conntrack.btf.tar.xz", "nf_conntrack_ftp.ko.xz", "zram.ko"],
                "debian/13/x86_64/6.12.0": ["zram.btf"],
            },
            strip_prefix = modules,
        )
    native.filegroup(name = modules + "_again", srcs = [modules], tags = ["manual"])
    fails(
        "two_modules_of_one_name",
        srcs = [modules, modules + "_other"],
        message = "srcs: two modules of debian/13/x86_64/6.12.0 named zram: rules/tests/{0}/debian/13/x86_64/6.12.0/zram.btf and rules/tests/{0}/debian/13/x86_64/6.12.0/zram.ko".format(modules),
        strip_prefix = modules,
    )
    empty_files(name = modules + "_other", outs = [modules + "/debian/13/x86_64/6.12.0/zram.ko"], tags = ["manual"])
    orphan = name + "_orphan"
    _files(orphan, ["debian/12/x86_64/6.1.0.btf", "debian/12/x86_64/6.1.0-rt/zram.ko"])
    fails(
        "module_without_its_vmlinux",
        srcs = [orphan],
        message = "srcs: by its place rules/tests/{0}/debian/12/x86_64/6.1.0-rt/zram.ko is a module of the kernel debian/12/x86_64/6.1.0-rt, which srcs does not have; add debian/12/x86_64/6.1.0-rt.btf.tar.xz".format(orphan),
        strip_prefix = orphan,
    )

    # Packs are known by name alone, and of whatever kernels.
    ready = name + "_ready"
    _files(ready, ["kernels.btfpack", "debian/12/x86_64/6.1.0.btfpack"])
    accepts(
        "packs",
        srcs = [ready],
        keys = [],
        aliases = {"debian/bookworm": "debian/12"},
        packs = ["kernels.btfpack", "6.1.0.btfpack"],
    )
    accepts(
        "packs_and_kernels",
        srcs = [ready, kernels],
        keys = _KEYS,
        packs = ["kernels.btfpack", "6.1.0.btfpack"],
        strip_prefix = kernels + "/archive",
    )

    # Actions: of kernels in more than one chunk, with modules, and beside packs.
    many = name + "_many"
    _files(many, ["debian/12/x86_64/6.1.{}.btf".format(i) for i in range(70)])
    for case in ["many", "modules", "packs_and_kernels"]:
        subject = "{}_{}_test.subject".format(name, case)
        tests.append("{}_actions_for_{}_test".format(name, case))
        _actions_test(name = tests[-1], size = "small", target_under_test = subject, usual = subject)
    accepts(
        "many",
        srcs = [many],
        keys = sorted(["debian/12/x86_64/6.1.{}".format(i) for i in range(70)]),
        strip_prefix = many,
    )

    # The target platform cannot choose among the kernels: an alias can, among archives.
    for attribute, here, other in [
        ("aliases", {"debian/bookworm": "debian/12"}, {}),
        ("srcs", [debian], [kernels]),
        ("strip_prefix", debian + "/archive", "/{}/{}/archive".format(native.package_name(), debian)),
    ]:
        case = "{}_{}_chosen_test".format(name, attribute)
        tests.append(case)
        chosen = {attribute: select({
            ":on_other_platform": other,
            "//conditions:default": here,
        })}
        btf_archive(
            name = case + ".subject",
            tags = ["manual"],
            **(dict(srcs = [debian], strip_prefix = debian + "/archive") | chosen)
        )
        failure_for_other_platform_test(
            name = case,
            size = "small",
            message = "{}: expected the same in the execution configuration, got ".format(attribute),
            target_under_test = case + ".subject",
        )

    # Other repositories: of the example, and one that has a package.
    accepts(
        "other_repository",
        srcs = ["@example_tracee//:archive/debian/11/x86_64/5.10.0-30-amd64.btf.tar.xz"],
        keys = ["debian/11/x86_64/5.10.0-30-amd64"],
        strip_prefix = "archive",
    )
    accepts(
        "other_repositorys_package",
        srcs = ["@test_kernels//some/package:archive/debian/12/x86_64/6.1.0-1-amd64.btf"],
        keys = ["debian/12/x86_64/6.1.0-1-amd64"],
        strip_prefix = "/some/package/archive",
    )
    for package in ["", "some/package"]:
        for prefix in ["relative", "absolute"]:
            case = "_".join([name, "in_other_repository", prefix] + ([] if not package else [package.replace("/", "_")]))
            _archive_test(
                name = case + "_test",
                size = "small",
                keys = ["debian/12/x86_64/6.1.0-1-amd64"],
                target_under_test = "@test_kernels//{}:{}".format(package, prefix),
            )
            tests.append(case + "_test")

    # What is not of the layout.
    fails(
        "no_strip_prefix",
        srcs = [kernels],
        message = "srcs: expected distro/version/arch/release.btf.tar.xz below '', got rules/tests/{}/archive/".format(kernels),
    )
    for case, strip_prefix, remedy in [
        ("too_short_a_strip_prefix", kernels + "/", kernels + "/archive"),
        ("too_short_a_strip_prefix_of_the_repository", "/{}/{}".format(native.package_name(), kernels), "/{}/{}/archive".format(native.package_name(), kernels)),
    ]:
        fails(
            case,
            srcs = [kernels],
            message = "srcs: expected distro/version/arch/release.btf.tar.xz below '{}', got rules/tests/{}/archive/ubuntu/22.04/x86_64/5.15.0-25-generic.btf.tar.xz; set strip_prefix = '{}' (or add archive/ubuntu/22.04/x86_64.btf.tar.xz, if".format(strip_prefix, kernels, remedy),
            strip_prefix = strip_prefix,
        )
    fails(
        "strip_prefix_of_another_folder",
        srcs = [kernels],
        message = "below '{0}/arch', got rules/tests/{0}/archive/ubuntu/22.04/x86_64/5.15.0-25-generic.btf.tar.xz; set strip_prefix, or leave the file out".format(kernels),
        strip_prefix = kernels + "/arch",
    )
    fails(
        "strip_prefix_of_a_part",
        srcs = [debian],
        message = "below '{0}/archive/deb', got rules/tests/{0}/archive/debian/12/x86_64/6.1.0-1-amd64.btf".format(debian),
        strip_prefix = debian + "/archive/deb",
    )
    fails(
        "stray_file",
        srcs = [kernels, stray],
        message = "got rules/tests/{}/archive/README.md; set strip_prefix, or leave the file out".format(stray),
        strip_prefix = kernels + "/archive",
    )
    fails(
        "folder",
        srcs = [folder],
        message = "srcs: expected files, got the folder rules/tests/{}/debian/12/x86_64/6.1.0.btf".format(folder),
        strip_prefix = folder,
    )
    fails("no_srcs", srcs = [], message = "srcs: expected kernels' BTF files, got none")
    fails("empty_srcs", srcs = [name + "_nothing"], message = "srcs: expected kernels' BTF files, got none")

    twice = name + "_twice"
    _files(twice, ["debian/12/x86_64/6.1.0.btf.xz", "debian/12/x86_64/6.1.0.btf"])
    fails(
        "two_of_one_name",
        srcs = [twice],
        message = "srcs: two kernels named debian/12/x86_64/6.1.0: rules/tests/{0}/debian/12/x86_64/6.1.0.btf.xz and rules/tests/{0}/debian/12/x86_64/6.1.0.btf".format(twice),
        strip_prefix = twice,
    )

    # Aliases that cannot be.
    for case, aliases, message in [
        ("to_itself", {"debian/12": "debian/12"}, "aliases: expected two different folders of the archive, got 'debian/12' for 'debian/12'"),
        ("into_itself", {"debian": "debian/12"}, "aliases: expected two different folders of the archive, got 'debian' for 'debian/12'"),
        ("to_where_it_is", {"debian/debian": "debian"}, "aliases: expected two different folders of the archive, got 'debian/debian' for 'debian'"),
        ("of_nothing", {"": "debian/12"}, "aliases: expected two different folders of the archive, got '' for 'debian/12'"),
        ("to_nothing", {"debian/bookworm": ""}, "aliases: expected two different folders of the archive, got 'debian/bookworm' for ''"),
        ("cycle", {"debian/a": "debian/b", "debian/b": "debian/a"}, "aliases: 'debian/a' leads to 'debian/b', which is an alias itself"),
        ("to_an_alias", {"debian/bookworm": "debian/12", "debian/stable": "debian/bookworm"}, "aliases: 'debian/stable' leads to 'debian/bookworm', which is an alias itself"),
        ("into_an_alias", {"debian/bookworm": "debian/12", "raspbian/12/x86_64": "debian/bookworm/x86_64"}, "aliases: 'raspbian/12/x86_64' leads to 'debian/bookworm/x86_64', which is an alias itself"),
        ("in_an_alias", {"debian/bookworm": "debian/12", "debian/bookworm/amd64": "debian/12/x86_64"}, "aliases: 'debian/bookworm/amd64' is in 'debian/bookworm', which is an alias itself"),
        ("to_no_kernel", {"debian/trixie": "debian/13"}, "aliases: 'debian/trixie' leads to 'debian/13', where srcs has no kernel"),
        ("to_a_longer_name", {"debian/trixie": "debian/1"}, "aliases: 'debian/trixie' leads to 'debian/1', where srcs has no kernel"),
        ("of_a_kernel", {"debian/12/x86_64/6.1": "debian/12/x86_64/6.1.0-1-amd64"}, "aliases: expected two different folders of the archive, got 'debian/12/x86_64/6.1' for 'debian/12/x86_64/6.1.0-1-amd64'"),
        ("with_a_slash", {"debian/bookworm/": "debian/12"}, "aliases: expected two different folders of the archive, got 'debian/bookworm/' for 'debian/12'"),
        ("absolute", {"/debian/bookworm": "debian/12"}, "aliases: expected two different folders of the archive, got '/debian/bookworm' for 'debian/12'"),
        ("to_elsewhere", {"../debian": "debian"}, "aliases: expected two different folders of the archive, got '../debian' for 'debian'"),
        ("by_a_detour", {"debian/./bookworm": "debian/12"}, "aliases: expected two different folders of the archive, got 'debian/./bookworm' for 'debian/12'"),
    ]:
        fails(
            "alias_" + case,
            srcs = [debian],
            aliases = aliases,
            message = message,
            strip_prefix = debian + "/archive",
        )

    native.test_suite(name = name, tests = tests)

def btf_archive_loading_tests(name):
    """Declares the tests of what the macro makes of its arguments.

    Args:
      name: string: how the tests' names begin.
    """
    env = loadingtest.make(name)
    subject = name + "_subject"
    btf_archive(
        name = subject,
        srcs = ["@example_tracee//:archive_files"],
        **COMMON_ATTRIBUTES
    )
    expect_common_attributes(env, subject, parts = [".packs"], inner = ".packs")
