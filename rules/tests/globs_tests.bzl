"""Unit tests of globs.bzl."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:globs.bzl", "glob_matches")

def _check(env, want, cases):
    for pattern, path in cases:
        asserts.equals(env, want, glob_matches(pattern, path), "'{}' on '{}'".format(pattern, path))

def _segments_test_impl(ctx):
    env = unittest.begin(ctx)
    _check(env, True, [
        ("debian/12/x86_64/6.1.0-47-amd64", "debian/12/x86_64/6.1.0-47-amd64"),
        ("debian/*/x86_64/*", "debian/12/x86_64/6.1.0-47-amd64"),
        ("*/*/*/*", "debian/12/x86_64/6.1.0"),
        ("*/*/*/6.1.0*", "debian/12/x86_64/6.1.0"),  # * may be nothing
        ("*/*/*/*-cloud-*", "debian/12/x86_64/6.1.0-47-cloud-amd64"),
        ("*/*/*/***", "debian/12/x86_64/6.1.0"),
        ("debian/1?/*/*", "debian/12/x86_64/6.1.0"),
        ("debian/??/*/*", "debian/12/x86_64/6.1.0"),
        ("*a*b*c", "abababc"),
        ("a*a", "aa"),
        ("*.?l8", "4.18.0.el8"),
    ])
    _check(env, False, [
        ("debian/12/x86_64", "debian/12/x86_64/6.1.0"),  # the whole path
        ("12/x86_64/6.1.0", "debian/12/x86_64/6.1.0"),
        ("debian/12/x86_64/6.1.0/", "debian/12/x86_64/6.1.0"),
        ("/debian/12/x86_64/6.1.0", "debian/12/x86_64/6.1.0"),
        ("deb", "debian"),
        ("ebian", "debian"),
        ("*", "debian/12"),  # within a segment
        ("debian*12", "debian/12"),
        ("debian?12", "debian/12"),
        ("debian/?", "debian/12"),
        ("debian/???", "debian/12"),
        ("a*a", "a"),
        ("a*b", "abc"),
        ("Debian/12", "debian/12"),
        ("6.1.0", "6x1x0"),  # nothing but * and ? is special
        ("debian/1[12]", "debian/12"),
        ("debian/{11,12}", "debian/12"),
    ])
    return unittest.end(env)

segments_test = unittest.make(_segments_test_impl)

def _any_depth_test_impl(ctx):
    env = unittest.begin(ctx)
    _check(env, True, [
        ("**", "debian/12/x86_64/6.1.0"),
        ("**/*", "debian/12/x86_64/6.1.0"),
        ("debian/**", "debian/12/x86_64/6.1.0"),
        ("**/6.1.0", "debian/12/x86_64/6.1.0"),
        ("**/x86_64/**", "debian/12/x86_64/6.1.0"),
        ("debian/**/6.1.0", "debian/12/x86_64/6.1.0"),
        ("debian/**/12/x86_64/6.1.0", "debian/12/x86_64/6.1.0"),  # no segments at all
        ("debian/12/x86_64/6.1.0/**", "debian/12/x86_64/6.1.0"),
        ("**/**/**/**/**/**", "debian/12"),
        ("**/a/**/a/b", "a/b/a/a/b"),
        ("**/*4*/**", "debian/12/x86_64/6.1.0"),
    ])
    _check(env, False, [
        ("ubuntu/**", "debian/12/x86_64/6.1.0"),
        ("**/x86_64", "debian/12/x86_64/6.1.0"),
        ("debian/**/debian", "debian"),
        ("**/a/**/a", "b/a/b"),
        ("debian**", "debian/12"),  # ** is a segment, otherwise two times *
        ("**/*/*/*", "debian/12"),
    ])
    return unittest.end(env)

any_depth_test = unittest.make(_any_depth_test_impl)

def _empty_test_impl(ctx):
    env = unittest.begin(ctx)
    _check(env, True, [
        ("", ""),
        ("*", ""),
        ("**", ""),
        ("a//b", "a//b"),
    ])
    _check(env, False, [
        ("", "debian"),
        ("?", ""),
        ("debian", ""),
        ("a/b", "a//b"),
    ])
    return unittest.end(env)

empty_test = unittest.make(_empty_test_impl)

# One that tries all ways would not come to an end here.
def _worst_cases_test_impl(ctx):
    env = unittest.begin(ctx)
    _check(env, False, [
        ("a*a*a*a*b", "a" * 2000),
        ("a*" * 40 + "b", "a" * 1000),
        ("*?" * 40 + "b", "a" * 1000),
        ("**/" * 40 + "b", "/".join(["a"] * 100)),
        ("**/a/" * 40 + "b", "/".join(["a"] * 100)),
        ("**/*a*a*a*a*b/" * 4 + "b", "/".join(["a" * 100] * 10)),
    ])
    _check(env, True, [
        ("a*" * 40, "a" * 1000),
        ("**/a/" * 40 + "**", "/".join(["a"] * 100)),
    ])
    return unittest.end(env)

worst_cases_test = unittest.make(_worst_cases_test_impl)

def globs_tests(name):
    """Declares the tests of this file.

    Args:
      name: string: the test_suite of all.
    """
    tests = {
        "any_depth": any_depth_test,
        "empty": empty_test,
        "segments": segments_test,
        "worst_cases": worst_cases_test,
    }
    for case, test in tests.items():
        test(name = "{}_{}_test".format(name, case), size = "small")
    native.test_suite(name = name, tests = ["{}_{}_test".format(name, case) for case in tests])
