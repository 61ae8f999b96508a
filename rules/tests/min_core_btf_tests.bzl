"""Analysis tests of min_core_btf.

Their minbtf is an empty file, so that it is quickly built for many configurations and has no inputs of its own.
"""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts", "loadingtest")
load("//rules:defs.bzl", "CoreRelocationsInfo", "MinCoreBtfInfo", "btf_archive", "min_core_btf")
load(":testing.bzl", "OTHER_PLATFORM", "config", "describe", "empty_files", "failure_for_other_platform_test", "failure_test", "paths_below")

_SAME_CPU = [str(Label("//rules/tests:same_cpu_platform"))]

_TailoringInfo = provider(
    doc = "What the target <name>.tailored of a min_core_btf does.",
    fields = {"actions": "list of Actions"},
)

def _tailoring_impl(target, ctx):
    if hasattr(ctx.rule.attr, "tailored"):
        return [ctx.rule.attr.tailored[_TailoringInfo]]
    return [_TailoringInfo(actions = target.actions)]

_tailoring = aspect(
    implementation = _tailoring_impl,
    attr_aspects = ["tailored"],
)

def _tailoring_actions(target):
    return [describe(a) for a in target[_TailoringInfo].actions]

# What <name> gives.

def _outputs_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = target.label.name
    info = target[MinCoreBtfInfo]

    asserts.equals(env, ctx.attr.keys, [k.key for k in info.kernels])
    asserts.equals(env, ctx.attr.aliases, info.aliases)
    asserts.equals(
        env,
        sorted([key + ".btf" for key in ctx.attr.keys] + ctx.attr.aliases.keys()),
        paths_below(env, target[DefaultInfo].files.to_list(), name),
    )
    asserts.equals(env, target[DefaultInfo].files.to_list(), target[DefaultInfo].default_runfiles.files.to_list())
    for kernel in info.kernels:
        asserts.true(
            env,
            kernel.min.short_path.endswith("/{}/{}.btf".format(name, kernel.key)),
            "{} is cut down to {}".format(kernel.key, kernel.min.short_path),
        )
        asserts.true(
            env,
            kernel.full.short_path.endswith("/{}.btf.xz".format(kernel.key)),
            "{} is cut out of {}".format(kernel.key, kernel.full.short_path),
        )

    asserts.equals(
        env,
        [name + ".relocs.json"],
        [f.basename for f in target[OutputGroupInfo].relocations.to_list()],
    )
    asserts.equals(
        env,
        [name + ".report.json"],
        [f.basename for f in target[OutputGroupInfo].report.to_list()],
    )
    asserts.equals(
        env,
        [key + ".json" for key in ctx.attr.keys],
        paths_below(env, target[OutputGroupInfo].findings.to_list(), name + ".tailored.findings"),
    )
    asserts.equals(env, target[OutputGroupInfo].relocations.to_list(), [target[CoreRelocationsInfo].relocations])
    for objects in [info.objects, target[CoreRelocationsInfo].objects]:
        asserts.equals(env, ctx.attr.objects, [f.basename for f in objects.to_list()])
    return analysistest.end(env)

_OUTPUTS_ATTRS = {
    "aliases": attr.string_dict(doc = "Links in the tree."),
    "keys": attr.string_list(doc = "Kernels in the tree."),
    "objects": attr.string_list(doc = "The objects' names."),
}

_outputs_test = analysistest.make(
    _outputs_test_impl,
    attrs = _OUTPUTS_ATTRS,
    config_settings = config(),
)

_outputs_for_other_platform_test = analysistest.make(
    _outputs_test_impl,
    attrs = _OUTPUTS_ATTRS,
    config_settings = config(platforms = OTHER_PLATFORM),
)

# What <name> and <name>.tailored do.

def _actions_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    info = target[MinCoreBtfInfo]
    objects = [f.path for f in ctx.files.objects]
    minbtf = ctx.file.minbtf
    actions = target[_TailoringInfo].actions

    # First the relocations.
    relocs = [describe(a) for a in actions if a.mnemonic == "CoreRelocations"]
    asserts.equals(env, 1, len(relocs))
    tool = relocs[0].argv[0]
    relocations = relocs[0].outputs[0]
    flags = [] if ctx.attr.allow_type_id else ["--refuse-type-id"]
    objects_there = relocs[0].argv[4 + len(flags):]
    asserts.true(env, tool.endswith("/bin/" + minbtf.short_path), "the tool is {}".format(tool))
    asserts.equals(env, [f.basename for f in ctx.files.objects], [path.split("/")[-1] for path in objects_there])
    asserts.equals(env, struct(
        argv = [tool, "relocs"] + flags + ["-o", relocations] + objects_there,
        inputs = sorted(objects_there + [tool]),
        mnemonic = "CoreRelocations",
        outputs = [relocations],
    ), relocs[0])
    asserts.true(env, relocations.endswith("/{}.tailored.relocs.json".format(target.label.name)), "relocations are in " + relocations)

    # Then each kernel, of which the action reads nothing but that kernel and the relocations.
    tailored = [describe(a) for a in actions if a.mnemonic == "BtfTailor"]
    asserts.equals(env, len(info.kernels), len(tailored))
    asserts.equals(
        env,
        {"debian/12/x86_64/6.1.0-9-amd64": ["nf_conntrack.btf.xz", "zram.btf.xz"]},
        {k.key: [f.basename for f in k.modules] for k in info.kernels if k.modules},
    )
    for kernel, action in zip(info.kernels, tailored):
        full = action.argv[-3]
        min, findings = action.outputs
        modules = action.argv[8:-3:2]
        module_args = []
        for path in modules:
            module_args.extend(["--module", path])
        asserts.equals(env, ["/bin/" + f.short_path for f in kernel.modules], [path[path.index("/bin/"):] for path in modules])
        asserts.equals(env, struct(
            argv = [tool, "gen", "--allow-type-id", "--findings", findings, "--kernel", kernel.key] + module_args + [full, min, relocations],
            inputs = sorted([full, relocations, tool] + modules),
            mnemonic = "BtfTailor",
            outputs = [min, findings],
        ), action)
        asserts.true(env, full.endswith("/bin/" + kernel.full.short_path), "{} is cut out of {}".format(kernel.key, full))
        asserts.true(env, min.endswith("/{}.tailored/{}.btf".format(target.label.name, kernel.key)), "{} is cut down to {}".format(kernel.key, min))
        asserts.true(env, findings.endswith("/{}.tailored.findings/{}.json".format(target.label.name, kernel.key)), "findings of {} are in {}".format(kernel.key, findings))

    # That is all, and it depends on nothing else: not on a shell, the environment, or where the machine has the files.
    asserts.equals(env, 1 + len(info.kernels), len(actions))
    for action in actions:
        asserts.equals(env, {}, action.env)
        for path in action.argv + describe(action).inputs:
            asserts.false(env, path.startswith("/"), "{} is not relative".format(path))

    # The report alone brings objects and kernels together.
    reports = [describe(a) for a in analysistest.target_actions(env) if a.mnemonic == "CoreReport"]
    asserts.equals(env, 1, len(reports))
    report = target[OutputGroupInfo].report.to_list()[0].path
    all_findings = [a.outputs[1] for a in tailored]
    object_args = []
    for path in objects_there:
        object_args.extend(["--object", path])
    asserts.equals(env, struct(
        argv = [tool, "report", "--json", "-o", report] + object_args + all_findings,
        inputs = sorted(objects_there + all_findings + [tool]),
        mnemonic = "CoreReport",
        outputs = [report],
    ), reports[0])

    # <name> has links to the rest, and the archive's own.
    here = [describe(a) for a in analysistest.target_actions(env)]
    asserts.equals(
        env,
        ["CoreReport"] + ["Symlink"] * (1 + len(info.kernels)) + ["UnresolvedSymlink"] * len(info.aliases),
        sorted([a.mnemonic for a in here]),
    )
    links = {a.outputs[0]: a.inputs for a in here if a.mnemonic == "Symlink"}
    asserts.equals(
        env,
        {target[CoreRelocationsInfo].relocations.path: [relocations]} |
        {kernel.min.path: action.outputs[:1] for kernel, action in zip(info.kernels, tailored)},
        links,
    )
    asserts.equals(env, [relocations], [f.path for f in target[OutputGroupInfo]._validation.to_list()])
    asserts.false(env, [path for path in objects if path in objects_there], "the objects are built for the target platform")
    return analysistest.end(env)

_actions_test = analysistest.make(
    _actions_test_impl,
    attrs = {
        "allow_type_id": attr.bool(doc = "Whether it is allowed."),
        "minbtf": attr.label(default = ":empty_minbtf_file", allow_single_file = True, doc = "The tool."),
        "objects": attr.label_list(doc = "The objects, in the configuration of the test."),
    },
    config_settings = config(),
    extra_target_under_test_aspects = [_tailoring],
)

# The work is the same, whatever the rest is built for.

def _same_work_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    usual = ctx.attr.usual[0]
    asserts.true(env, len(_tailoring_actions(usual)) > 1)
    asserts.equals(env, _tailoring_actions(usual), _tailoring_actions(target))

    # Otherwise this would prove nothing.
    asserts.false(
        env,
        target[DefaultInfo].files.to_list() == usual[DefaultInfo].files.to_list(),
        "the configuration is the same",
    )
    return analysistest.end(env)

def _same_work_test(**kwargs):
    return analysistest.make(
        _same_work_test_impl,
        attrs = {
            "usual": attr.label(
                aspects = [_tailoring],
                cfg = analysis_test_transition(settings = config(compilation_mode = "fastbuild")),
                doc = "The target under test, for the usual configuration.",
                mandatory = True,
            ),
        },
        config_settings = config(**kwargs),
        extra_target_under_test_aspects = [_tailoring],
    )

_same_work_for_copt_test = _same_work_test(copt = ["-DX"])
_same_work_for_dbg_test = _same_work_test(compilation_mode = "dbg")
_same_work_for_opt_test = _same_work_test(compilation_mode = "opt")
_same_work_for_other_platform_test = _same_work_test(platforms = OTHER_PLATFORM)
_same_work_for_same_cpu_test = _same_work_test(platforms = _SAME_CPU)

_SAME_WORK_TESTS = {
    "copt": _same_work_for_copt_test,
    "dbg": _same_work_for_dbg_test,
    "opt": _same_work_for_opt_test,
    "other_platform": _same_work_for_other_platform_test,
    "same_cpu": _same_work_for_same_cpu_test,
}

# Whether generated objects are checked to have the same relocations on the platform asked for.

def _check_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    validations = [f for f in target[OutputGroupInfo]._validation.to_list() if f.basename.endswith(".checked.json")]
    checks = [describe(a) for a in analysistest.target_actions(env) if a.mnemonic == "CoreRelocationsCheck"]
    if not ctx.attr.checked:
        asserts.equals(env, [], validations)
        asserts.equals(env, [], checks)
        return analysistest.end(env)

    asserts.equals(env, 1, len(checks))
    asserts.equals(env, [f.path for f in validations], checks[0].outputs)
    relocs = [describe(a) for a in target[_TailoringInfo].actions if a.mnemonic == "CoreRelocations"][0]
    objects = [f.path for f in target[CoreRelocationsInfo].objects.to_list()]
    asserts.false(env, objects == relocs.argv[5:], "the objects of the tailoring are compared with themselves")
    argv = checks[0].argv
    hint = argv[argv.index("--hint") + 1]
    asserts.true(env, "platform" in hint, "the hint is: " + hint)
    asserts.equals(
        env,
        [relocs.argv[0], "relocs", "-o", checks[0].outputs[0], "--expect", relocs.outputs[0], "--hint", hint] + objects,
        argv,
    )
    asserts.equals(env, sorted(objects + relocs.outputs + relocs.argv[:1]), checks[0].inputs)
    return analysistest.end(env)

def _check_test(**kwargs):
    return analysistest.make(
        _check_test_impl,
        attrs = {"checked": attr.bool(doc = "What is expected.", mandatory = True)},
        config_settings = config(**kwargs),
        extra_target_under_test_aspects = [_tailoring],
    )

_check_for_opt_test = _check_test(compilation_mode = "opt")
_check_for_other_platform_test = _check_test(platforms = OTHER_PLATFORM)
_check_for_same_cpu_test = _check_test(platforms = _SAME_CPU)

_FILES = [
    "archive/ubuntu/22.04/x86_64/5.15.0-25-generic",
    "archive/debian/12/x86_64/6.1.0-9-amd64",
    "archive/debian/12/x86_64/6.1.0-9-amd64/zram",  # modules of it
    "archive/debian/12/x86_64/6.1.0-9-amd64/nf_conntrack",
    "archive/debian/12/x86_64/6.1.0-9-cloud-amd64",
    "archive/debian/12/arm64/6.1.0-9-arm64",
    "archive/debian/11/x86_64/5.10.0-30-amd64",
]

_DEBIAN_12_X86 = ["debian/12/x86_64/6.1.0-9-amd64", "debian/12/x86_64/6.1.0-9-cloud-amd64"]
_DEBIAN_12 = ["debian/12/arm64/6.1.0-9-arm64"] + _DEBIAN_12_X86
_DEBIAN = ["debian/11/x86_64/5.10.0-30-amd64"] + _DEBIAN_12
_ALL = _DEBIAN + ["ubuntu/22.04/x86_64/5.15.0-25-generic"]

_ALIASES = {
    "debian/bookworm": "debian/12",
    "debian/bullseye": "debian/11",
    "mint/21": "ubuntu/22.04",
}

def _archive(name, paths, aliases = {}):
    empty_files(
        name = name + "_files",
        outs = ["{}/{}.btf.xz".format(name, path.removeprefix("archive/")) for path in paths],
        tags = ["manual"],
    )
    btf_archive(
        name = name,
        srcs = [name + "_files"],
        aliases = aliases,
        strip_prefix = name,
        tags = ["manual"],
    )

def min_core_btf_tests(name):
    """Declares the tests of this file.

    Args:
      name: string: the test_suite of all, and how other names begin.
    """
    kernels = name + "_kernels"
    _archive(kernels, _FILES, _ALIASES)
    generated = name + "_generated"
    empty_files(name = generated, outs = [generated + "/b.bpf.o", generated + "/a.bpf.o"], tags = ["manual"])
    source = "@example_tracee//:tracee.bpf.o"
    tests = []

    def subject(case, objects = [generated], archives = [kernels], **kwargs):
        min_core_btf(
            name = "{}_{}".format(name, case),
            archives = archives,
            objects = objects,
            tags = ["manual"],
            **kwargs
        )
        return "{}_{}".format(name, case)

    def check(test, case, target, **kwargs):
        tests.append("{}_{}_test".format(name, case))
        test(
            name = tests[-1],
            size = "small",
            target_under_test = target,
            **kwargs
        )

    def gives(case, keys, aliases, names = ["b.bpf.o", "a.bpf.o"], test = _outputs_test, **kwargs):
        check(test, case, subject(case, **kwargs), aliases = aliases, keys = keys, objects = names)

    def fails(case, message, test = failure_test, part = ".tailored", **kwargs):
        check(test, case, subject(case, **kwargs) + part, message = message)

    # Filters.
    debian_12_alias = {"debian/bookworm": "debian/12"}
    debian_11_alias = {"debian/bullseye": "debian/11"}
    gives("everything", _ALL, _ALIASES)
    gives("arch", ["debian/12/arm64/6.1.0-9-arm64"], debian_12_alias, arch = "arm64")
    gives("include", _DEBIAN_12, debian_12_alias, include = ["debian/12/**"])
    gives("includes", ["debian/11/x86_64/5.10.0-30-amd64"] + _DEBIAN_12_X86[1:], debian_12_alias | debian_11_alias, include = ["**/5.10.*", "*/*/*/*cloud*"])
    gives("include_one", _DEBIAN_12_X86[:1], debian_12_alias, include = _DEBIAN_12_X86[:1])
    gives("include_alias", _DEBIAN_12, debian_12_alias, include = ["debian/bookworm/**"])
    gives("exclude", _DEBIAN, debian_12_alias | debian_11_alias, exclude = ["ubuntu/**"])
    gives("exclude_alias", _DEBIAN, debian_12_alias | debian_11_alias, exclude = ["mint/21/*/*"])
    gives("all_filters", _DEBIAN_12_X86[:1], debian_12_alias, arch = "x86_64", exclude = ["**/*cloud*"], include = ["debian/12/**"])

    # Archives.
    more, again = name + "_more", name + "_again"
    _archive(more, ["debian/13/x86_64/6.12.0"], {"debian/trixie": "debian/13"})
    native.alias(name = again, actual = kernels, tags = ["manual"])
    gives(
        "two_archives",
        _DEBIAN + ["debian/13/x86_64/6.12.0"] + _ALL[-1:],
        _ALIASES | {"debian/trixie": "debian/13"},
        archives = [more, kernels],
    )
    btf_archive(
        name = name + "_same_files",
        srcs = [kernels + "_files"],
        aliases = debian_12_alias,
        strip_prefix = kernels,
        tags = ["manual"],
    )
    gives("overlapping_archives", _ALL, _ALIASES, archives = [kernels, name + "_same_files"])

    # Actions and configurations.
    check(_actions_test, "actions", name + "_everything", objects = [generated])
    check(_actions_test, "actions_with_type_ids", subject("with_type_ids", allow_type_id = True), allow_type_id = True, objects = [generated])
    for case, test in _SAME_WORK_TESTS.items():
        check(test, "same_work_for_" + case, name + "_everything", usual = name + "_everything")

    native.filegroup(name = name + "_mixed_objects", srcs = [source, generated], tags = ["manual"])
    for_platform = subject("for_platform", platform = ":other_platform")
    mixed = subject("mixed", objects = [name + "_mixed_objects"])
    sources = subject("sources", objects = [source])
    check(_check_for_other_platform_test, "generated_is_checked", name + "_everything", checked = True)
    check(_check_for_other_platform_test, "mixed_is_checked", mixed, checked = True)
    check(_check_for_other_platform_test, "source_is_not_checked", sources, checked = False)
    check(_check_for_other_platform_test, "named_platform_is_not_checked", for_platform, checked = False)
    check(_check_for_opt_test, "same_platform_is_not_checked", name + "_everything", checked = False)
    check(_check_for_same_cpu_test, "same_cpu_is_not_checked", name + "_everything", checked = False)

    # Objects chosen by platform: which one has to be known.
    for cpu in ["here", "other"]:
        empty_files(name = "{}_{}".format(name, cpu), outs = ["{}/{}.bpf.o".format(name, cpu)], tags = ["manual"])
    chosen = select({
        ":on_other_platform": [name + "_other"],
        "//conditions:default": [name + "_here"],
    })
    native.filegroup(name = name + "_chosen_object", srcs = chosen, tags = ["manual"])
    gives("chosen", _ALL, _ALIASES, names = ["here.bpf.o"], objects = [name + "_chosen_object"])
    for case, test in {
        "chosen_by_name": _outputs_test,
        "chosen_by_name_on_it": _outputs_for_other_platform_test,
    }.items():
        gives(
            case,
            _ALL,
            _ALIASES,
            names = ["other.bpf.o"],
            objects = [name + "_chosen_object"],
            platform = ":other_platform",
            test = test,
        )
    for case, objects in {
        "chosen_by_rule_is_ambiguous": [name + "_chosen_object"],
        "chosen_is_ambiguous": chosen,
    }.items():
        fails(
            case,
            "objects: expected the same in the execution configuration, got {0}_other here and {0}_here there; have a filegroup select() them".format(Label("//rules/tests:" + name)),
            objects = objects,
            part = "",
            test = failure_for_other_platform_test,
        )

    # Nor can the target platform choose among the kernels: an alias can, among min_core_btfs.
    for attribute, here, other in [
        ("allow_type_id", False, True),
        ("arch", "x86_64", "arm64"),
        ("archives", [kernels], [more]),
        ("exclude", ["debian/**"], ["debian/12/**", "ubuntu/**"]),
        ("include", ["debian/**"], []),
    ]:
        got = [
            repr([str(Label("//rules/tests:" + label)) for label in labels] if attribute == "archives" else labels)
            for labels in [other, here]
        ]
        fails(
            "{}_chosen".format(attribute),
            "{}: expected the same in the execution configuration, got {} here and {} there; have an alias select()".format(attribute, got[0], got[1]),
            part = "",
            test = failure_for_other_platform_test,
            **{attribute: select({
                ":on_other_platform": other,
                "//conditions:default": here,
            })}
        )

    # What cannot be.
    fails("no_archives", "archives: expected btf_archives, got none", archives = [])
    fails("no_objects", "objects: expected BPF objects, got none", objects = [])
    native.filegroup(name = name + "_nothing", tags = ["manual"])
    fails("empty_objects", "objects: expected BPF objects, got none", objects = [name + "_nothing"])
    fails("unknown_arch", "arch: expected one of arm64, x86_64, got 'amd64'", arch = "amd64")
    fails(
        "include_of_nothing",
        "include: 'debian/10/**' matches none of the 5 kernels, which are of ",
        include = ["debian/12/**", "debian/10/**"],
    )
    fails("include_of_a_part", "include: 'debian/12' matches none of the 5 kernels", include = ["debian/12"])
    fails("include_of_another_arch", "include: '*/*/arm64/*' matches none of the 4 kernels of arch 'x86_64'", arch = "x86_64", include = ["*/*/arm64/*"])
    fails("exclude_of_nothing", "exclude: 'debian/10/**' matches none of the 5 kernels", exclude = ["debian/10/**"])
    fails("nothing_left", "archives: no kernel is left after arch, include and exclude", exclude = ["**"])
    fails("nothing_left_of_include", "archives: no kernel is left after arch, include and exclude", exclude = ["debian/**"], include = ["debian/11/**"])

    # Archives that contradict each other.
    empty_files(name = name + "_other_module", outs = [kernels + "/debian/12/x86_64/6.1.0-9-amd64/xfs.btf"], tags = ["manual"])
    btf_archive(
        name = name + "_other_modules",
        srcs = [
            kernels + "_files",
            name + "_other_module",
        ],
        aliases = debian_12_alias,
        strip_prefix = kernels,
        tags = ["manual"],
    )
    fails(
        "same_kernel_with_other_modules",
        "archives: debian/12/x86_64/6.1.0-9-amd64 has other modules in one archive than in another",
        archives = [kernels, name + "_other_modules"],
    )
    for case, paths, aliases, message in [
        (
            "same_kernel",
            ["debian/12/x86_64/6.1.0-9-amd64"],
            {},
            "archives: two kernels named debian/12/x86_64/6.1.0-9-amd64: rules/tests/{0}_kernels/debian/12/x86_64/6.1.0-9-amd64.btf.xz and rules/tests/{0}_same_kernel_kernels/debian/12/x86_64/6.1.0-9-amd64.btf.xz".format(name),
        ),
        (
            "same_alias",
            ["debian/13/x86_64/6.12.0"],
            {"debian/bookworm": "debian/13"},
            "archives: 'debian/bookworm' is an alias for both 'debian/12' and 'debian/13'",
        ),
        (
            "alias_is_a_folder",
            ["debian/bookworm/x86_64/6.1.0"],
            {},
            "archives: 'debian/bookworm' is an alias in one archive and has the kernel debian/bookworm/x86_64/6.1.0 in another",
        ),
        (
            "folder_is_an_alias",
            ["raspbian/12/arm64/6.1.0"],
            {"ubuntu": "raspbian"},
            "archives: 'ubuntu' is an alias in one archive and has the kernel ubuntu/22.04/x86_64/5.15.0-25-generic in another",
        ),
        (
            "alias_in_an_alias",
            ["debian/13/x86_64/6.12.0"],
            {"debian/bookworm/amd64": "debian/13/x86_64"},
            "archives: 'debian/bookworm/amd64' is an alias in one archive and in 'debian/bookworm', an alias in another",
        ),
    ]:
        other = "{}_{}_kernels".format(name, case)
        _archive(other, paths, aliases)
        fails(case, message, archives = [kernels, other])

    native.test_suite(name = name, tests = tests)

def min_core_btf_loading_tests(name):
    """Declares the tests of what the macro makes of its arguments.

    Args:
      name: string: how the tests' names begin.
    """
    env = loadingtest.make(name)
    subject = name + "_subject"
    min_core_btf(
        name = subject,
        testonly = True,
        archives = ["@example_tracee//:kernels"],
        objects = ["@example_tracee//:tracee.bpf.o"],
        tags = ["some-tag"],
        target_compatible_with = ["@platforms//cpu:mips64"],
        visibility = ["//rules:__subpackages__"],
    )
    rules = {part: native.existing_rule(subject + part) for part in ["", ".export", ".tailored"]}
    for part, rule in rules.items():
        case = part.removeprefix(".") or "itself"
        loadingtest.equals(env, case + "_testonly", True, rule["testonly"])
        loadingtest.equals(env, case + "_has_tags", True, "some-tag" in rule["tags"])
        loadingtest.equals(env, case + "_is_manual", case != "itself", "manual" in rule["tags"])
        loadingtest.equals(env, case + "_visibility", ["//visibility:private" if case == "tailored" else "//rules:__subpackages__"], list(rule["visibility"]))

        # What is tailored on another platform is compatible with that.
        loadingtest.equals(env, case + "_compatible", 0 if case == "tailored" else 1, len(rule.get("target_compatible_with", [])))
