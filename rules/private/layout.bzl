"""BTFHub's layout: distro/version/arch/release.btf.tar.xz, and modules in a folder beside that."""

# The forms in which minbtf reads a kernel's BTF.
_EXTENSIONS = [
    ".btf" + tar + compression
    for tar in (".tar", "")
    for compression in (".xz", ".gz", ".zst", "")
]

# Those of a module's: the module itself, too.
_MODULE_EXTENSIONS = _EXTENSIONS + [".ko" + compression for compression in (".xz", ".gz", ".zst", "")]

LAYOUT = "distro/version/arch/release" + _EXTENSIONS[0]

# Ready packs, of whatever kernels, may be anywhere.
PACK_EXTENSION = "btfpack"

def parse_kernel(path):
    """Takes apart the path of a kernel's BTF in an archive.

    Args:
      path: string, relative to the archive.

    Returns:
      A struct with the strings key, distro, version, arch and release; None if the path is not of the layout.
    """
    parts = path.split("/")
    if len(parts) != 4 or "" in parts:
        return None
    for ext in _EXTENSIONS:
        release = parts[3].removesuffix(ext)
        if release and release != parts[3]:
            return struct(
                key = "/".join(parts[:3] + [release]),
                distro = parts[0],
                version = parts[1],
                arch = parts[2],
                release = release,
            )
    return None

def parse_module(path):
    """Takes apart the path of a module's BTF in an archive: distro/version/arch/release/MODULE.btf.

    Args:
      path: string, relative to the archive.

    Returns:
      A struct with the strings kernel, the key of the module's kernel, and name; None if the path is not of the layout.
    """
    parts = path.split("/")
    if len(parts) != 5 or "" in parts:
        return None
    for ext in _MODULE_EXTENSIONS:
        name = parts[4].removesuffix(ext)
        if name and name != parts[4]:
            return struct(kernel = "/".join(parts[:4]), name = name)
    return None

def is_btf(path):
    """Says whether a path is that of one kernel's or module's BTF, by its extension."""
    return path.endswith(tuple(_MODULE_EXTENSIONS))

def is_folder(path):
    """Says whether a path can be that of an archive's folder: it is above kernels, and written in one way only."""
    parts = path.split("/")
    return len(parts) < 4 and not [part for part in parts if part in ("", ".", "..")]

def is_below(path, folder):
    """Says whether a path is a folder or in it, by names alone."""
    return path == folder or path.startswith(folder + "/")

def relative_link(link, target):
    """Says what a symbolic link contains.

    Args:
      link: string: where it is.
      target: string: where it leads; relative to the same folder.

    Returns:
      A string.
    """
    link, target = link.split("/"), target.split("/")
    common = 0
    for a, b in zip(link[:-1], target):
        if a != b:
            break
        common += 1
    return "/".join([".."] * (len(link) - 1 - common) + target[common:])
