"""Unit tests of layout.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:layout.bzl", "is_below", "is_folder", "parse_kernel", "parse_module", "relative_link")

_EXTENSIONS = [
    ".btf",
    ".btf.gz",
    ".btf.tar",
    ".btf.tar.gz",
    ".btf.tar.xz",
    ".btf.tar.zst",
    ".btf.xz",
    ".btf.zst",
]

def _extensions_test_impl(ctx):
    env = unittest.begin(ctx)
    for ext in _EXTENSIONS:
        asserts.equals(env, struct(
            arch = "x86_64",
            distro = "debian",
            key = "debian/12/x86_64/6.1.0-47-amd64",
            release = "6.1.0-47-amd64",
            version = "12",
        ), parse_kernel("debian/12/x86_64/6.1.0-47-amd64" + ext), ext)
    for ext in ["", ".", ".tar.xz", ".xz", ".btf.bz2", ".btf.tar.xz.sha256", ".btfpack", ".BTF", "btf", ".btf/"]:
        asserts.equals(env, None, parse_kernel("debian/12/x86_64/6.1.0" + ext), ext)
    return unittest.end(env)

extensions_test = unittest.make(_extensions_test_impl)

def _depth_test_impl(ctx):
    env = unittest.begin(ctx)
    for path in [
        "",
        "6.1.0.btf",
        "12/x86_64/6.1.0.btf",
        "archive/debian/12/x86_64/6.1.0.btf",
        "debian/12/x86_64/6.1.0.btf/6.1.0.btf",
        "/12/x86_64/6.1.0.btf",
        "debian//x86_64/6.1.0.btf",
        "debian/12//6.1.0.btf",
        "debian/12/x86_64/",
        "/debian/12/x86_64/6.1.0.btf",
    ]:
        asserts.equals(env, None, parse_kernel(path), path)
    return unittest.end(env)

depth_test = unittest.make(_depth_test_impl)

def _names_test_impl(ctx):
    env = unittest.begin(ctx)
    for release in [
        "6.12.94+deb13-cloud-arm64",
        "5.4.0-1~bpo:2",
        "4.18.0-553.el8_10.x86_64",
        ".hidden",
        "a b",
        "6.1.0.btf",  # the extension once more
        "6.1.0.btf.tar",
    ]:
        kernel = parse_kernel("ol/8/x86_64/{}.btf.tar.xz".format(release))
        asserts.equals(env, release, kernel and kernel.release)
        asserts.equals(env, "ol/8/x86_64/" + release, kernel and kernel.key)
    for name in [".btf", ".btf.xz", ".btf.tar.xz"]:  # an extension and no release
        asserts.equals(env, None, parse_kernel("ol/8/x86_64/" + name), name)
    return unittest.end(env)

names_test = unittest.make(_names_test_impl)

def _modules_test_impl(ctx):
    env = unittest.begin(ctx)
    for ext in _EXTENSIONS + [".ko", ".ko.gz", ".ko.xz", ".ko.zst"]:
        asserts.equals(
            env,
            struct(kernel = "debian/12/x86_64/6.1.0-47-amd64", name = "snd-hda-core"),
            parse_module("debian/12/x86_64/6.1.0-47-amd64/snd-hda-core" + ext),
            ext,
        )
    for path in [
        "",
        "debian/12/x86_64/6.1.0.btf",
        "debian/12/x86_64/6.1.0/.btf",
        "debian/12/x86_64/6.1.0/.ko",
        "debian/12/x86_64//nf.ko",
        "/12/x86_64/6.1.0/nf.ko",
        "debian/12/x86_64/6.1.0/nf",
        "debian/12/x86_64/6.1.0/nf.ko.tar.xz",
        "debian/12/x86_64/6.1.0/nf.ko.debug",
        "debian/12/x86_64/6.1.0/kernel/nf.ko",
    ]:
        asserts.equals(env, None, parse_module(path), path)
    return unittest.end(env)

modules_test = unittest.make(_modules_test_impl)

def _is_below_test_impl(ctx):
    env = unittest.begin(ctx)
    for path, folder, want in [
        ("debian/12", "debian/12", True),
        ("debian/12/x86_64", "debian/12", True),
        ("debian/12", "debian", True),
        ("debian/12-backports", "debian/12", False),
        ("debian", "debian/12", False),
        ("ubuntu/debian/12", "debian/12", False),
        ("", "debian", False),
    ]:
        asserts.equals(env, want, is_below(path, folder), "{} below {}".format(path, folder))
    return unittest.end(env)

is_below_test = unittest.make(_is_below_test_impl)

def _is_folder_test_impl(ctx):
    env = unittest.begin(ctx)
    for path, want in [
        ("debian", True),
        ("debian/12", True),
        ("debian/12/x86_64", True),
        ("debian/..12/.x", True),
        ("debian/12/x86_64/6.1.0", False),
        ("", False),
        ("/debian", False),
        ("debian/", False),
        ("debian//12", False),
        ("debian/./12", False),
        ("../debian", False),
    ]:
        asserts.equals(env, want, is_folder(path), path)
    return unittest.end(env)

is_folder_test = unittest.make(_is_folder_test_impl)

def _relative_link_test_impl(ctx):
    env = unittest.begin(ctx)
    for link, target, want in [
        ("bookworm", "debian", "debian"),
        ("debian/bookworm", "debian/12", "12"),
        ("debian/bookworm", "ubuntu/22.04", "../ubuntu/22.04"),
        ("centos", "rhel/8", "rhel/8"),
        ("a/b/c", "a/b/d", "d"),
        ("a/b/c", "a/d/c", "../d/c"),
        ("a/b/c", "d", "../../d"),
        ("a/b/a", "a/a/a", "../a/a"),
        ("a/b", "b/b", "../b/b"),
    ]:
        asserts.equals(env, want, relative_link(link, target), "{} to {}".format(link, target))
    return unittest.end(env)

relative_link_test = unittest.make(_relative_link_test_impl)

def layout_tests(name):
    """Declares the tests of this file.

    Args:
      name: string: the test_suite of all.
    """
    tests = {
        "depth": depth_test,
        "extensions": extensions_test,
        "is_below": is_below_test,
        "is_folder": is_folder_test,
        "modules": modules_test,
        "names": names_test,
        "relative_link": relative_link_test,
    }
    for case, test in tests.items():
        test(name = "{}_{}_test".format(name, case), size = "small")
    native.test_suite(name = name, tests = ["{}_{}_test".format(name, case) for case in tests])
