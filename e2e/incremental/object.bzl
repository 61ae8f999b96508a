"""bpf_object: stands for the rule that compiles BPF objects in a monorepo."""

def _bpf_object_impl(ctx):
    object = ctx.actions.declare_file(ctx.label.name + ".bpf.o")
    ctx.actions.run_shell(
        command = 'cp "$1" "$2"',
        arguments = [ctx.file.src.path, object.path],
        inputs = [ctx.file.src],
        outputs = [object],
        mnemonic = "BpfCompile",
    )
    return [DefaultInfo(files = depset([object]))]

bpf_object = rule(
    implementation = _bpf_object_impl,
    attrs = {
        "src": attr.label(
            doc = "What the compiler would make.",
            mandatory = True,
            allow_single_file = True,
        ),
    },
)
