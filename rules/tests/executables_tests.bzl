"""Analysis tests of what runs minbtf later: min_core_btf_test, and min_core_btf's <name>.export."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts", "loadingtest")
load("//rules:defs.bzl", "MinCoreBtfInfo", "btf_archive", "min_core_btf", "min_core_btf_test")
load(":testing.bzl", "config", "empty_files")

def _executable_test_impl(ctx):
    env = analysistest.begin(ctx)
    target = analysistest.target_under_test(env)
    name = "{}/{}".format(target.label.package, target.label.name)
    info = ctx.attr.btfs[0][MinCoreBtfInfo]

    def expand(lines):
        out = []
        for line in lines:
            if line == "OBJECTS":
                out += [f.short_path for f in info.objects.to_list()]
            elif line == "FULL PACK":
                out.append(info.full.short_path)
            elif line == "PACK":
                out.append(info.pack.short_path)
            elif line.endswith("\tMIN") or line.startswith("FULL\t"):  # KEY.btf MIN, FULL MIN MODULES
                for k in info.kernels:
                    minimal = k.min.short_path if k.min else "{}/{}.btf".format(info.tree.short_path, k.key)
                    modules = "".join(["\t" + f.short_path for f in k.modules])
                    out.append(line.replace("KEY", k.key).replace("FULL", k.full.short_path).replace("MIN", minimal).replace(" MODULES", modules))
            else:
                out.append(line.replace("NAME", name).replace("TREE", info.tree.short_path if info.tree else ""))
        return out

    # It is minbtf itself, which Bazel tells where the arguments are.
    actions = {a.outputs.to_list()[0]: a for a in analysistest.target_actions(env)}
    executable = target[DefaultInfo].files_to_run.executable
    minbtf = ctx.file.minbtf
    asserts.equals(
        env,
        [minbtf.short_path],
        [f.short_path for f in actions[executable].inputs.to_list()],
    )
    environment = target[RunEnvironmentInfo].environment
    asserts.equals(env, ["MINBTF_ARGS_FILE"], environment.keys())

    runfiles = target[DefaultInfo].default_runfiles.files.to_list()
    contents = {
        f.short_path: actions[f].content.removesuffix("\n").split("\n")
        for f in runfiles
        if f in actions and actions[f].content != None
    }
    asserts.equals(env, expand(ctx.attr.arguments), contents.get(environment["MINBTF_ARGS_FILE"]))
    lists = {path: text for path, text in contents.items() if path != environment["MINBTF_ARGS_FILE"]}
    list = {"{}.{}".format(name, ctx.attr.list): expand(ctx.attr.lines)} if ctx.attr.list else {}
    asserts.equals(env, list, lists)

    # All that these files name is there, and nothing else.
    wanted = [executable.short_path, environment["MINBTF_ARGS_FILE"]] + list.keys()
    if ctx.attr.list:
        wanted += [info.tree.short_path] if info.tree else [k.min.short_path for k in info.kernels]
    if ctx.attr.with_full:
        wanted += [f.short_path for f in info.objects.to_list()]
        wanted += [f.short_path for f in [info.full, info.pack]] if info.full else []
        wanted += [f.short_path for k in info.kernels for f in [k.full] + k.modules]
    asserts.equals(env, sorted(wanted), sorted([f.short_path for f in runfiles]))
    return analysistest.end(env)

_executable_test = analysistest.make(
    _executable_test_impl,
    attrs = {
        "arguments": attr.string_list(doc = "Those that come first; OBJECTS: the objects, NAME: the target, FULL PACK and PACK: those of the min_core_btf."),
        "btfs": attr.label(
            cfg = analysis_test_transition(settings = config()),
            doc = "The min_core_btf.",
            mandatory = True,
            providers = [MinCoreBtfInfo],
        ),
        "lines": attr.string_list(doc = "The list of files; one of KEY, FULL and MIN stands for all kernels, \" MODULES\" for a kernel's, a tab before each."),
        "list": attr.string(doc = "The list's extension; empty: there is none."),
        "minbtf": attr.label(default = ":empty_minbtf_file", allow_single_file = True, doc = "The tool."),
        "with_full": attr.bool(doc = "Whether full BTF and the objects are needed."),
    },
    config_settings = config(),
)

def executables_tests(name):
    """Declares the tests of this file.

    Args:
      name: string: the test_suite of all, and how other names begin.
    """
    kernels = name + "_kernels"
    ready = name + "_ready"
    objects = name + "_objects"
    for files, outs in {
        kernels: [
            kernels + "/debian/12/x86_64/6.1.0.btf.tar.xz",
            kernels + "/debian/12/arm64/6.1.0.btf.tar.xz",
            kernels + "/debian/12/arm64/6.1.0/zram.ko",
            kernels + "/debian/12/arm64/6.1.0/xfs.btf",
            kernels + "/ubuntu/22.04/x86_64/5.15.0.btf",
        ],
        objects: ["b.bpf.o", "a.bpf.o"],
        ready: [ready + "/kernels.btfpack"],
        ready + "_kernel": [ready + "/debian/12/arm64/6.1.0.btf"],
    }.items():
        empty_files(name = files, outs = outs, tags = ["manual"])
    tests = []

    def executables(case, srcs, strip_prefix, aliases, arguments, pairs, exported):
        btfs = "{}_{}_btfs".format(name, case)
        btf_archive(
            name = btfs + "_kernels",
            srcs = srcs,
            aliases = aliases,
            strip_prefix = strip_prefix,
            tags = ["manual"],
        )
        min_core_btf(
            name = btfs,
            archives = [btfs + "_kernels"],
            objects = [objects],
            tags = ["manual"],
        )
        min_core_btf_test(
            name = btfs + "_test",
            size = "small",
            btfs = btfs,
            tags = ["manual"],
        )
        tests.append("{}_verify_{}_test".format(name, case))
        _executable_test(
            name = tests[-1],
            size = "small",
            arguments = ["verify"] + arguments + ["OBJECTS"],
            btfs = btfs,
            lines = pairs,
            list = "pairs" if pairs else "",
            target_under_test = btfs + "_test",
            with_full = True,
        )
        tests.append("{}_export_{}_test".format(name, case))
        _executable_test(
            name = tests[-1],
            size = "small",
            arguments = ["export", "--tree", "NAME.tree"],
            btfs = btfs,
            lines = exported,
            list = "tree",
            target_under_test = btfs + ".export",
        )

    executables(
        "kernels",
        srcs = [kernels],
        strip_prefix = kernels,
        aliases = {
            "debian/bookworm": "debian/12",
            "mint/21": "ubuntu/22.04",
        },
        arguments = ["--pairs", "NAME.pairs"],
        pairs = ["FULL\tMIN MODULES"],
        exported = ["KEY.btf\tMIN", "debian/bookworm\t-> 12", "mint/21\t-> ../ubuntu/22.04"],
    )

    # The same with packs among the sources.
    for case, srcs, files in [
        ("ready", [ready], []),
        ("ready_and_kernels", [ready, ready + "_kernel"], ["--pairs", "NAME.pairs"]),
    ]:
        executables(
            case,
            srcs = srcs,
            strip_prefix = ready,
            aliases = {"debian/bookworm": "debian/12"},
            arguments = files + ["FULL PACK", "PACK"],
            pairs = ["FULL\tMIN MODULES"] if files else [],
            exported = [".\tTREE", "debian/bookworm\t-> 12"],
        )
    native.test_suite(name = name, tests = tests)

def shards_tests(name):
    """Declares the tests of how many shards a min_core_btf_test has, and of what size.

    Args:
      name: string: how the tests' names begin.
    """
    env = loadingtest.make(name)
    for kernels, more, attributes, shards, size in [
        (0, [], {}, -1, "medium"),  # all are elsewhere
        (1, [], {}, -1, "small"),
        (64, [], {}, -1, "small"),
        (65, [], {}, 2, "small"),
        (128, [], {}, 2, "small"),
        (3200, [], {}, 50, "small"),
        (3201, [], {}, 50, "medium"),
        (0, ["kernels.btfpack"], {}, 16, "small"),
        (0, [":some_files"], {}, 16, "small"),
        (1, ["zram.ko", "kernels.btfpack"], {}, 17, "small"),
        (0, [], {"shard_count": 7}, 7, "medium"),
        (448, [], {"shard_count": 7}, 7, "small"),
        (449, [], {"shard_count": 7}, 7, "medium"),
        (65, [], {"size": "large"}, 2, "large"),
    ]:
        case = "_".join([name, "of", str(kernels)] + [source.strip(":").replace(".", "_") for source in more])
        case = "_with_".join([case] + attributes.keys())
        if kernels or more:
            btf_archive(
                name = case + "_kernels",
                srcs = ["{}/{}.btf".format(case, i) for i in range(kernels)] + more,
                tags = ["manual"],
            )
        min_core_btf(
            name = case + "_btfs",
            archives = [":{}_kernels".format(case)] if kernels or more else ["@example_tracee//:kernels"],
            objects = ["@example_tracee//:tracee.bpf.o"],
            tags = ["manual"],
        )
        min_core_btf_test(
            name = case + "_btfs_test",
            btfs = ":{}_btfs".format(case),
            tags = ["manual"],
            **attributes
        )
        rule = native.existing_rule(case + "_btfs_test")
        loadingtest.equals(env, case.removeprefix(name + "_"), (shards, size), (rule["shard_count"], rule["size"]))
