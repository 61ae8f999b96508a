"""Analysis tests of min_core_btf.

Their minbtf is an empty file, so that it is quickly built for many configurations and has no inputs of its own.
"""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts", "loadingtest")
load("//rules:defs.bzl", "CoreRelocationsInfo", "MinCoreBtfInfo", "btf_archive", "min_core_btf")
load(":testing.bzl", "COMMON_ATTRIBUTES", "OTHER_PLATFORM", "config", "describe", "empty_files", "expect_common_attributes", "failure_for_other_platform_test", "failure_test", "paths_below")

_SAME_CPU = [str(Label("//rules/tests:same_cpu_platform"))]

_WorkInfo = provider(
    doc = "What the targets of a min_core_btf do that work for every configuration.",
    fields = {
        "packing": "dict of Actions: those of its archives' <name>.packs, by output",
        "tailoring": "list of Actions: those of <name>.tailored",
    },
)

def _work_impl(target, ctx):
    attr = ctx.rule.attr
    if hasattr(attr, "tailored"):
        return [attr.tailored[_WorkInfo]]
    if hasattr(attr, "packs"):
        return [attr.packs[_WorkInfo]]
    if hasattr(attr, "archives"):
        packing = {id: action for archive in attr.archives for id, action in archive[_WorkInfo].packing.items()}
        return [_WorkInfo(packing = packing, tailoring = target.actions)]
    return [_WorkInfo(packing = {a.outputs.to_list()[0]: a for a in target.actions}, tailoring = [])]

_work = aspect(
    implementation = _work_impl,
    attr_aspects = ["archives", "packs", "tailored"],
)

def _packing_actions(target):
    return [describe(a) for a in target[_WorkInfo].packing.values()]

def _tailoring_actions(target):
    return [describe(a) for a in target[_WorkInfo].tailoring]

# What <name> gives.

def _outputs_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = target.label.name
    info = target[MinCoreBtfInfo]

    asserts.equals(env, ctx.attr.keys, [k.key for k in info.kernels])
    asserts.equals(env, ctx.attr.aliases, info.aliases)
    files = target[DefaultInfo].files.to_list()
    asserts.equals(env, files, target[DefaultInfo].default_runfiles.files.to_list())
    if ctx.attr.tree:
        asserts.equals(env, [info.tree], files)
        asserts.true(env, info.tree.is_directory)
        asserts.true(env, info.tree.short_path.endswith("/" + name), "the folder is " + info.tree.short_path)
    else:
        asserts.equals(env, None, info.tree)
        asserts.equals(
            env,
            sorted([key + ".btf" for key in ctx.attr.keys] + ctx.attr.aliases.keys()),
            paths_below(env, files, name),
        )
    for kernel in info.kernels:
        if ctx.attr.tree:
            asserts.equals(env, None, kernel.min)
        else:
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

    groups = target[OutputGroupInfo]
    asserts.equals(env, [name + ".relocs.json"], [f.basename for f in groups.relocations.to_list()])
    asserts.equals(env, [name + ".report.json"], [f.basename for f in groups.report.to_list()])
    asserts.equals(env, [name + ".btfpack"], [f.basename for f in groups.pack.to_list()])
    asserts.equals(env, groups.pack.to_list(), [info.pack])
    asserts.equals(env, groups.relocations.to_list(), [target[CoreRelocationsInfo].relocations])
    for objects in [info.objects, target[CoreRelocationsInfo].objects]:
        asserts.equals(env, ctx.attr.objects, [f.basename for f in objects.to_list()])
    return analysistest.end(env)

_OUTPUTS_ATTRS = {
    "aliases": attr.string_dict(doc = "Links in the tree."),
    "keys": attr.string_list(doc = "Kernels in the tree."),
    "objects": attr.string_list(doc = "The objects' names."),
    "tree": attr.bool(doc = "Whether the tree is one output."),
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

# What <name>, <name>.tailored and the archives' <name>.packs do.

def _by_mnemonic(actions):
    found = {}
    for action in actions:
        found.setdefault(action.mnemonic, []).append(action)
    return found

def _actions_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = target.label.name
    info = target[MinCoreBtfInfo]
    minbtf = ctx.file.minbtf
    packing = _by_mnemonic(_packing_actions(target))
    tailoring = _by_mnemonic(_tailoring_actions(target))
    here = _by_mnemonic([describe(a) for a in analysistest.target_actions(env)])

    def expect(action, mnemonic, arguments, inputs, outputs):
        asserts.equals(env, struct(
            argv = [tool] + arguments,
            inputs = sorted(inputs + [tool]),
            mnemonic = mnemonic,
            outputs = outputs,
        ), action)

    # First the relocations.
    asserts.equals(env, 1, len(tailoring["CoreRelocations"]))
    relocs = tailoring["CoreRelocations"][0]
    tool = relocs.argv[0]
    relocations = relocs.outputs[0]
    flags = [] if ctx.attr.allow_type_id else ["--refuse-type-id"]
    objects = relocs.argv[4 + len(flags):]
    asserts.true(env, tool.endswith("/bin/" + minbtf.short_path), "the tool is {}".format(tool))
    asserts.equals(env, [f.basename for f in ctx.files.objects], [path.split("/")[-1] for path in objects])
    expect(relocs, "CoreRelocations", ["relocs"] + flags + ["-o", relocations] + objects, objects, [relocations])
    asserts.true(env, relocations.endswith("/{}.tailored.relocs.json".format(name)), "relocations are in " + relocations)

    # Then chunk by chunk, of which the actions read nothing but that chunk and the relocations.
    asserts.equals(env, ctx.attr.jobs, {
        action.outputs[0].split("/{}.tailored/".format(name))[1].removesuffix(".btfpack"): action.argv[5:action.argv.index("--archive")]
        for action in tailoring["BtfTailor"]
    })
    chunks = [path for a in packing.get("BtfPack", []) for path in a.outputs]
    merged = tailoring.pop("BtfPack", [])
    tailored, findings = [], []
    for job, action, finding in zip(ctx.attr.jobs, tailoring["BtfTailor"], tailoring["BtfFindings"]):
        full = action.argv[action.argv.index("--archive") + 1]
        arguments = ["tailor", "--quiet", "--jobs=1", "--allow-type-id"] + ctx.attr.jobs[job] + ["--archive", full, "-o", relocations]
        expect(action, "BtfTailor", arguments + ["--out", action.outputs[0]], [full, relocations], action.outputs)
        expect(finding, "BtfFindings", arguments + ["--findings", finding.outputs[0]], [full, relocations], finding.outputs)
        asserts.true(env, finding.outputs[0].endswith("/{}.tailored.findings/{}.json".format(name, job)), "findings of {} are in {}".format(job, finding.outputs))
        tailored += action.outputs
        findings += finding.outputs
        if not info.tree:
            asserts.equals(env, [path for path in chunks if path.endswith(".packs/chunks/{}.btfpack".format(job.split("/", 1)[1]))][:1], [full])
            continue

        # All at once, where not all kernels are known.
        packs = [full]
        if merged:
            packs = merged[0].argv[5:]
            expect(merged[0], "BtfPack", ["pack", "--quiet", "-o", full] + packs, packs, [full])
        asserts.equals(env, chunks, [path for path in packs if path in chunks])
        asserts.equals(env, ctx.attr.ready, [path.split("/rules/tests/")[1] for path in packs if path not in chunks])
    asserts.equals(env, findings, [f.path for f in target[OutputGroupInfo].findings.to_list()])
    asserts.equals(env, {"BtfFindings": len(ctx.attr.jobs), "BtfTailor": len(ctx.attr.jobs), "CoreRelocations": 1}, {m: len(a) for m, a in tailoring.items()})

    # <name> puts together what was tailored.
    pack = info.pack.path
    asserts.equals(env, 1, len(here["BtfMerge"]))
    expect(here["BtfMerge"][0], "BtfMerge", ["pack", "--quiet", "-o", pack] + tailored, tailored, [pack])

    # The report alone brings objects and kernels together.
    asserts.equals(env, 1, len(here["CoreReport"]))
    report = target[OutputGroupInfo].report.to_list()[0].path
    object_args = [arg for path in objects for arg in ["--object", path]]
    expect(here["CoreReport"][0], "CoreReport", ["report", "--json", "-o", report] + object_args + findings, objects + findings, [report])

    # The tree: of each chunk its kernels, or all that there is, in a folder.
    if info.tree:
        asserts.equals(env, 1, len(here["BtfUnpack"]))
        expect(here["BtfUnpack"][0], "BtfUnpack", ["unpack", "--quiet", tailored[0], "--out", info.tree.path], tailored, [info.tree.path])
    else:
        unpacked = []
        for action, chunk in zip(here["BtfUnpack"], tailored):
            files = [arg for path in action.outputs for arg in ["--file", "{}={}".format(path.split("/{}/".format(name))[1].removesuffix(".btf"), path)]]
            expect(action, "BtfUnpack", ["unpack", "--quiet", chunk] + files, [chunk], action.outputs)
            unpacked += action.outputs
        asserts.equals(env, sorted([k.min.path for k in info.kernels]), sorted(unpacked))

    # There is one link to what <name>.tailored has, which is asked for, too, and the archive's own.
    asserts.equals(env, [[relocations]], [a.inputs for a in here["Symlink"]])
    asserts.equals(env, [[target[CoreRelocationsInfo].relocations.path]], [a.outputs for a in here["Symlink"]])
    asserts.equals(env, [relocations], [f.path for f in target[OutputGroupInfo]._validation.to_list()])
    asserts.equals(env, 0 if info.tree else len(info.aliases), len(here.get("UnresolvedSymlink", [])))
    asserts.equals(env, [], [m for m in here if m not in ["BtfMerge", "BtfUnpack", "CoreReport", "Symlink", "UnresolvedSymlink"]])

    # Nothing depends on anything else: not on a shell, the environment, or where the machine has the files.
    for action in target[_WorkInfo].packing.values() + target[_WorkInfo].tailoring + analysistest.target_actions(env):
        asserts.equals(env, {}, action.env or {})
        for path in (action.argv or []) + describe(action).inputs:
            asserts.false(env, path.startswith("/"), "{} is not relative".format(path))
    asserts.false(env, [f.path for f in ctx.files.objects if f.path in objects], "the objects are built for the target platform")
    return analysistest.end(env)

_actions_test = analysistest.make(
    _actions_test_impl,
    attrs = {
        "allow_type_id": attr.bool(doc = "Whether it is allowed."),
        "jobs": attr.string_list_dict(doc = "What is tailored at once, and the flags that choose kernels of it."),
        "minbtf": attr.label(default = ":empty_minbtf_file", allow_single_file = True, doc = "The tool."),
        "objects": attr.label_list(doc = "The objects, in the configuration of the test."),
        "ready": attr.string_list(doc = "Packs that are not made of kernels."),
    },
    config_settings = config(),
    extra_target_under_test_aspects = [_work],
)

# The work is the same, whatever the rest is built for.

def _same_work_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    usual = ctx.attr.usual[0]
    for actions_of in [_packing_actions, _tailoring_actions]:
        asserts.true(env, len(actions_of(usual)) > 1)
        asserts.equals(env, actions_of(usual), actions_of(target))

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
                aspects = [_work],
                cfg = analysis_test_transition(settings = config(compilation_mode = "fastbuild")),
                doc = "The target under test, for the usual configuration.",
                mandatory = True,
            ),
        },
        config_settings = config(**kwargs),
        extra_target_under_test_aspects = [_work],
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
    relocs = [describe(a) for a in target[_WorkInfo].tailoring if a.mnemonic == "CoreRelocations"][0]
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
        extra_target_under_test_aspects = [_work],
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

_FOLDERS = ["debian/11/x86_64", "debian/12/arm64", "debian/12/x86_64", "ubuntu/22.04/x86_64"]

_ALIASES = {
    "debian/bookworm": "debian/12",
    "debian/bullseye": "debian/11",
    "mint/21": "ubuntu/22.04",
}

def _archive(name, paths, aliases = {}):
    parts = {}
    for path in paths:
        out = "{}/{}.btf.xz".format(name, path.removeprefix("archive/"))
        parts.setdefault(name + "_files" + ("_of_debian_12_x86" if "/12/x86_64/" in path else ""), []).append(out)
    for part, outs in parts.items():
        empty_files(name = part, outs = outs, tags = ["manual"])
    btf_archive(
        name = name,
        srcs = parts.keys(),
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

    def gives(case, keys, aliases, names = ["b.bpf.o", "a.bpf.o"], test = _outputs_test, tree = False, **kwargs):
        check(test, case, subject(case, **kwargs), aliases = aliases, keys = keys, objects = names, tree = tree)

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
        srcs = [kernels + "_files_of_debian_12_x86"],
        aliases = debian_12_alias,
        strip_prefix = kernels,
        tags = ["manual"],
    )
    gives("overlapping_archives", _ALL, _ALIASES, archives = [name + "_same_files", kernels])

    # Ready packs: of what is in them minbtf knows alone.
    ready = name + "_published"
    for file in ["b", "a"]:
        empty_files(name = ready + "_file_" + file, outs = ["{}/{}.btfpack".format(ready, file)], tags = ["manual"])
    btf_archive(name = ready + "_one", srcs = [ready + "_file_b"], tags = ["manual"])
    gives("one_ready", [], {}, archives = [ready + "_one"], tree = True)
    btf_archive(name = ready, srcs = [ready + "_file_b", ready + "_file_a"], aliases = {"debian/bookworm": "debian/12"}, tags = ["manual"])
    mixed_archives = [ready, kernels]
    gives("ready", [], debian_12_alias, archives = [ready], tree = True)
    gives("ready_and_kernels", _ALL, _ALIASES, archives = mixed_archives, tree = True)
    gives("ready_filtered", ["debian/12/arm64/6.1.0-9-arm64"], _ALIASES, arch = "arm64", archives = mixed_archives, exclude = ["debian/10/**"], include = ["debian/bookworm/**", "gone/**"], tree = True)
    gives("ready_of_other_arch", [], _ALIASES, arch = "s390x", archives = mixed_archives, tree = True)

    # Actions and configurations.
    all_jobs = {"0/{}/all".format(folder): [] for folder in _FOLDERS}
    check(_actions_test, "actions", name + "_everything", jobs = all_jobs, objects = [generated])
    check(_actions_test, "actions_with_type_ids", subject("with_type_ids", allow_type_id = True), allow_type_id = True, jobs = all_jobs, objects = [generated])
    check(
        _actions_test,
        "actions_for_a_part",
        name + "_includes",
        jobs = {
            "0/debian/11/x86_64/all": [],
            "0/debian/12/x86_64/all": ["--kernel=" + _DEBIAN_12_X86[1]],
        },
        objects = [generated],
    )
    check(
        _actions_test,
        "actions_for_overlapping_archives",
        name + "_overlapping_archives",
        jobs = {"0/debian/12/x86_64/all": []} | {"1/{}/all".format(folder): [] for folder in _FOLDERS if folder != "debian/12/x86_64"},
        objects = [generated],
    )
    ready_packs = ["{}/{}.btfpack".format(ready, file) for file in ["b", "a"]]
    check(_actions_test, "actions_for_ready_packs", name + "_ready", jobs = {"all": []}, objects = [generated], ready = ready_packs)
    check(_actions_test, "actions_for_ready_pack", name + "_one_ready", jobs = {"all": []}, objects = [generated], ready = ready_packs[:1])
    check(
        _actions_test,
        "actions_for_filtered_ready_packs",
        name + "_ready_filtered",
        jobs = {"all": ["--arch=arm64", "--include=debian/12/**", "--include=gone/**", "--exclude=debian/10/**"]},
        objects = [generated],
        ready = ready_packs,
    )
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
            kernels + "_files_of_debian_12_x86",
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
        archives = ["@example_tracee//:kernels"],
        objects = ["@example_tracee//:tracee.bpf.o"],
        **COMMON_ATTRIBUTES
    )
    expect_common_attributes(env, subject, parts = [".export", ".tailored"], inner = ".tailored")
