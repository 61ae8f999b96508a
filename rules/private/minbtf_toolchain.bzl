"""minbtf as a toolchain."""

load(":providers.bzl", "MinbtfToolchainInfo")

TOOLCHAIN_TYPE = Label("//rules:minbtf_toolchain_type")

def _minbtf_toolchain_impl(ctx):
    return [platform_common.ToolchainInfo(
        minbtf_info = MinbtfToolchainInfo(minbtf = ctx.attr.minbtf[DefaultInfo].files_to_run),
    )]

minbtf_toolchain = rule(
    implementation = _minbtf_toolchain_impl,
    doc = """Makes a minbtf known to the rules.

The default toolchain builds minbtf from source. To use a prebuilt one, register this before it:

```starlark
minbtf_toolchain(
    name = "prebuilt_minbtf",
    minbtf = "@minbtf_linux_amd64//file",
)

toolchain(
    name = "prebuilt_minbtf_toolchain",
    exec_compatible_with = [
        "@platforms//os:linux",
        "@platforms//cpu:x86_64",
    ],
    toolchain = ":prebuilt_minbtf",
    toolchain_type = "@rules_btf//rules:minbtf_toolchain_type",
)
```

BTF is data: constrain the execution platform only, never the target platform.
""",
    attrs = {
        "minbtf": attr.label(
            doc = "The executable.",
            mandatory = True,
            allow_files = True,
            executable = True,
            cfg = "exec",
        ),
    },
)
