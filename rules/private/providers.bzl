"""The providers."""

BtfArchiveInfo = provider(
    doc = "Kernels' full BTF files, and packs of them.",
    fields = {
        "aliases": "dict of strings: folders of the archive that stand for other ones, such as `debian/bookworm` for `debian/12`.",
        "chunks": "list of structs with the string `name`, a list `kernels` of keys, and the File `pack` that has these kernels; each of `kernels` is in one chunk. The packs are the same Files in every configuration, and made if somebody asks for them.",
        "kernels": "list of structs with the strings `key` (`distro/version/arch/release`), `distro`, `version`, `arch`, `release`, the File `file`, and `modules`, a list of Files whose BTF goes on from that of `file`, sorted by the modules' names; sorted by `key`.",
        "packs": "list of Files: packs that are sources, of kernels that are not in `kernels`, or in both.",
    },
)

CoreRelocationsInfo = provider(
    doc = "The CO-RE relocations of BPF objects.",
    fields = {
        "objects": "depset of Files: the BPF objects.",
        "relocations": "File: their canonical relocations, JSON. The same relocations give the same bytes.",
    },
)

MinCoreBtfInfo = provider(
    doc = "Kernels' minimal BTF files for some BPF objects.",
    fields = {
        "aliases": "dict of strings, as in BtfArchiveInfo; only those that lead to one of the kernels.",
        "full": "File: a pack that has the full BTF of all kernels, and maybe of more, where there is a `tree`; else None.",
        "kernels": "list of structs with the string `key` (`distro/version/arch/release`), the Files `full` and `min`, and `modules`, a list of Files that belong to `full`; sorted by `key`. `min` is None if there is a `tree`, which may have kernels that are not in this list.",
        "objects": "depset of Files: the BPF objects, built for the platform that `min_core_btf` names, or else for that of the build.",
        "pack": "File: all kernels' minimal BTF in one file, to embed.",
        "tree": "File: a folder with each kernel's `distro/version/arch/release.btf`, where archives have packs as sources, of whose kernels nothing is known while Bazel analyzes; else None.",
    },
)

MinbtfToolchainInfo = provider(
    doc = "The helper that does the work.",
    fields = {
        "minbtf": "FilesToRunProvider: minbtf, for the execution platform.",
    },
)
