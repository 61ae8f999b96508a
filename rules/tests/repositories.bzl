"""A repository that tests need."""

_KERNEL = "debian/12/x86_64/6.1.0-1-amd64.btf"

# In this repository's packages, and used by it as a user's would.
_BUILD = """\
load("@rules_btf//rules:defs.bzl", "btf_archive")

package(default_visibility = ["//visibility:public"])

exports_files(glob(["archive/**"], allow_empty = True))

btf_archive(
    name = "relative",
    srcs = glob(["archive/**"]),
    strip_prefix = "archive",
)

btf_archive(
    name = "absolute",
    srcs = glob(["archive/**"]),
    strip_prefix = "/{}archive",
)
"""

def _kernels_repository_impl(repository_ctx):
    for package in ["", "some/package/"]:
        repository_ctx.file(package + "BUILD.bazel", _BUILD.format(package))
        repository_ctx.file(package + "archive/" + _KERNEL)

kernels_repository = repository_rule(
    implementation = _kernels_repository_impl,
    doc = "Archives of an empty file, in the repository's root and in a package.",
)
