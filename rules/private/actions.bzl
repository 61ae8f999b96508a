"""All that runs minbtf: the actions, and the executables that run it later."""

load(":minbtf_toolchain.bzl", "TOOLCHAIN_TYPE")

# Actions name declared inputs and outputs alone, by relative paths that Bazel may rewrite.
_EXECUTION_REQUIREMENTS = {"supports-path-mapping": "1"}

def _minbtf(ctx):
    return ctx.toolchains[TOOLCHAIN_TYPE].minbtf_info.minbtf

def _run(ctx, arguments, inputs, outputs, mnemonic, progress_message):
    ctx.actions.run(
        executable = _minbtf(ctx),
        arguments = arguments,
        inputs = inputs,
        outputs = outputs,
        mnemonic = mnemonic,
        progress_message = progress_message,
        execution_requirements = _EXECUTION_REQUIREMENTS,
        toolchain = TOOLCHAIN_TYPE,
    )

def _args(ctx, verb):
    """The arguments of a verb that says what it did where it may."""
    args = ctx.actions.args()
    args.add(verb)
    args.add("--quiet")
    return args

def core_relocations(ctx, label, objects, allow_type_id, output):
    """Writes the canonical relocations of BPF objects.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      objects: depset of Files.
      allow_type_id: bool: whether the objects may ask for ids of the kernel's types.
      output: the File to write.
    """
    args = ctx.actions.args()
    args.add("relocs")
    if not allow_type_id:
        args.add("--refuse-type-id")
    args.add("-o", output)
    args.add_all(objects)
    _run(
        ctx,
        arguments = [args],
        inputs = objects,
        outputs = [output],
        mnemonic = "CoreRelocations",
        progress_message = "Reading CO-RE relocations of {}".format(label),
    )

def check_relocations(ctx, label, objects, expected, hint, output):
    """Checks that BPF objects have the expected relocations.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      objects: depset of Files.
      expected: File: the relocations.
      hint: string: what to do where they differ.
      output: the File to write where they do not.
    """
    args = ctx.actions.args()
    args.add("relocs")
    args.add("-o", output)
    args.add("--expect", expected)
    args.add("--hint", hint)
    args.add_all(objects)
    _run(
        ctx,
        arguments = [args],
        inputs = depset([expected], transitive = [objects]),
        outputs = [output],
        mnemonic = "CoreRelocationsCheck",
        progress_message = "Checking CO-RE relocations of {}".format(label),
    )

def import_btf(ctx, kernel, output):
    """Makes a pack of one kernel.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      kernel: struct of BtfArchiveInfo.
      output: the File to write.
    """
    args = _args(ctx, "pack")
    args.add("--name", kernel.key)
    args.add_all(kernel.modules, before_each = "--module")
    args.add("-o", output)
    args.add(kernel.file)
    _run(
        ctx,
        arguments = [args],
        inputs = [kernel.file] + kernel.modules,
        outputs = [output],
        mnemonic = "BtfImport",
        progress_message = "Importing BTF of {}".format(kernel.key),
    )

def merge_packs(ctx, packs, output, mnemonic, progress_message):
    """Makes one pack of several.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      packs: list of Files.
      output: the File to write.
      mnemonic: string.
      progress_message: string.
    """
    args = _args(ctx, "pack")
    args.add("-o", output)
    files = ctx.actions.args()
    files.add_all(packs)
    files.use_param_file("@%s")
    files.set_param_file_format("multiline")
    _run(
        ctx,
        arguments = [args, files],
        inputs = packs,
        outputs = [output],
        mnemonic = mnemonic,
        progress_message = progress_message,
    )

def tailor_btf(ctx, label, job, relocations, output):
    """Cuts packs down to what relocations need.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      job: struct with the File `pack`, the list of strings `flags`, which say which kernels of it, and the string `name`,
        what they are.
      relocations: File.
      output: the File to write, a pack.
    """
    args = ctx.actions.args()
    args.add("--out", output)
    _tailor(ctx, job, relocations, output, args, "BtfTailor", "Tailoring BTF of {} for {}".format(job.name, label))

def find_unserved(ctx, label, job, relocations, output):
    """Says what kernels do not serve.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      job: struct, as for tailor_btf.
      relocations: File.
      output: the File to write, JSON.
    """
    args = ctx.actions.args()
    args.add("--findings", output)
    _tailor(ctx, job, relocations, output, args, "BtfFindings", "Looking for what {} lacks for {}".format(job.name, label))

def _tailor(ctx, job, relocations, output, what, mnemonic, progress_message):
    args = _args(ctx, "tailor")
    args.add("--jobs=1")  # as Bazel runs one action for each CPU
    args.add("--allow-type-id")  # refused before, if at all, where programs are known
    args.add_all(job.flags)
    args.add("--archive", job.pack)
    args.add("-o", relocations)
    _run(
        ctx,
        arguments = [args, what],
        inputs = [job.pack, relocations],
        outputs = [output],
        mnemonic = mnemonic,
        progress_message = progress_message,
    )

def unpack_files(ctx, label, name, pack, kernels):
    """Writes some kernels' BTF as files.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      name: string: what the pack is.
      pack: File.
      kernels: dict of the Files to write, by key.
    """
    args = _args(ctx, "unpack")
    args.add(pack)
    for key, file in kernels.items():
        args.add("--file", file, format = key.replace("%", "%%") + "=%s")
    _run(
        ctx,
        arguments = [args],
        inputs = [pack],
        outputs = kernels.values(),
        mnemonic = "BtfUnpack",
        progress_message = "Unpacking BTF of {} for {}".format(name, label),
    )

def unpack_tree(ctx, label, pack, tree):
    """Writes all kernels' BTF as files of a folder.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      pack: File.
      tree: the folder to write.
    """
    args = _args(ctx, "unpack")
    args.add(pack)
    args.add_all([tree], before_each = "--out", expand_directories = False)
    _run(
        ctx,
        arguments = [args],
        inputs = [pack],
        outputs = [tree],
        mnemonic = "BtfUnpack",
        progress_message = "Unpacking BTF for {}".format(label),
    )

def core_report(ctx, label, objects, findings, output):
    """Says which programs ask for what which kernels do not have.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      objects: depset of Files.
      findings: list of Files.
      output: the File to write.
    """
    args = ctx.actions.args()
    args.add("report")
    args.add("--json")
    args.add("-o", output)
    args.add_all(objects, before_each = "--object")
    files = ctx.actions.args()
    files.add_all(findings)
    files.use_param_file("@%s")
    files.set_param_file_format("multiline")
    _run(
        ctx,
        arguments = [args, files],
        inputs = depset(findings, transitive = [objects]),
        outputs = [output],
        mnemonic = "CoreReport",
        progress_message = "Reporting what kernels lack for {}".format(label),
    )

def minbtf_executable(ctx, arguments, files = None):
    """Makes a target's executable that runs minbtf, for `bazel run` and `bazel test`.

    Args:
      ctx: the context of an executable or test rule, with the minbtf toolchain.
      arguments: list of strings and Files, the first arguments; those of the command line come behind.
      files: depset of further Files that it reads.

    Returns:
      The providers of the rule.
    """
    executable = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(
        output = executable,
        target_file = _minbtf(ctx).executable,
        is_executable = True,
    )
    args_file = ctx.actions.declare_file(ctx.label.name + ".args")
    ctx.actions.write(
        output = args_file,
        content = "".join([(a.short_path if type(a) == "File" else a) + "\n" for a in arguments]),
    )
    return [
        DefaultInfo(
            executable = executable,
            runfiles = ctx.runfiles(
                files = [executable, args_file] + [a for a in arguments if type(a) == "File"],
                transitive_files = files,
            ),
        ),
        RunEnvironmentInfo(environment = {"MINBTF_ARGS_FILE": args_file.short_path}),
    ]
