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

def tailor_btf(ctx, label, kernel, relocations, output, findings):
    """Cuts one kernel's BTF down to what relocations need.

    Args:
      ctx: the rule context, with the minbtf toolchain.
      label: string: the label that users know.
      kernel: struct of BtfArchiveInfo.
      relocations: File.
      output: the File to write.
      findings: the File to write with what the kernel does not serve.
    """
    args = ctx.actions.args()
    args.add("gen")
    args.add("--allow-type-id")  # refused before, if at all, where programs are known
    args.add("--findings", findings)
    args.add("--kernel", kernel.key)
    args.add_all(kernel.modules, before_each = "--module")
    args.add(kernel.file)
    args.add(output)
    args.add(relocations)
    _run(
        ctx,
        arguments = [args],
        inputs = [kernel.file, relocations] + kernel.modules,
        outputs = [output, findings],
        mnemonic = "BtfTailor",
        progress_message = "Tailoring BTF of {} for {}".format(kernel.key, label),
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

def minbtf_executable(ctx, arguments, files):
    """Makes a target's executable that runs minbtf, for `bazel run` and `bazel test`.

    Args:
      ctx: the context of an executable or test rule, with the minbtf toolchain.
      arguments: list of strings and Files, the first arguments; those of the command line come behind.
      files: depset of Files that it reads.

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
