"""Tests of how kernels are shared out among chunks."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//rules/private:chunks.bzl", "CHUNK_SIZE", "split_into_chunks")

# Names as distributions make them: nearly the same.
_NAMES = ["5.{}.0-{}-generic".format(minor, abi) for minor in (4, 15) for abi in range(300)]

def _few_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, {"all": ["a"]}, split_into_chunks(["a"]))
    few = _NAMES[:CHUNK_SIZE]
    asserts.equals(env, {"all": sorted(few)}, split_into_chunks(few))
    return unittest.end(env)

few_test = unittest.make(_few_test_impl)

def _many_test_impl(ctx):
    env = unittest.begin(ctx)
    chunks = split_into_chunks(_NAMES)
    asserts.equals(env, sorted(_NAMES), sorted([name for chunk in chunks.values() for name in chunk]))
    for part, chunk in chunks.items():
        asserts.equals(env, sorted(chunk), chunk)
        asserts.true(env, 0 < len(chunk) and len(chunk) <= CHUNK_SIZE, "chunk {} has {} names".format(part, len(chunk)))

    # As few as can be expected: half full ones.
    asserts.true(env, len(chunks) <= 2 * len(_NAMES) // CHUNK_SIZE, "{} names are in {} chunks".format(len(_NAMES), len(chunks)))
    asserts.equals(env, chunks, split_into_chunks(reversed(_NAMES)))
    return unittest.end(env)

many_test = unittest.make(_many_test_impl)

# One more name changes its chunk alone, or splits it.
def _stable_test_impl(ctx):
    env = unittest.begin(ctx)
    before, splits = {}, 0
    for i, name in enumerate(_NAMES):
        after = split_into_chunks(_NAMES[:i + 1])
        changed = [part for part in before if before[part] != after.get(part)]
        asserts.true(env, len(changed) <= 1, "{} changes {}".format(name, changed))
        new = [part for part in after if part not in before]
        if new and changed:
            splits += 1
            prefix = changed[0].removeprefix("all")
            asserts.equals(env, [], [part for part in new if not part.startswith(prefix)])
        else:
            asserts.equals(env, sorted(before.get(changed[0], []) + [name]) if changed else [name], after[(changed or new)[0]])
        before = after
    asserts.true(env, splits > 5, "only {} chunks were split".format(splits))
    return unittest.end(env)

stable_test = unittest.make(_stable_test_impl)

# These have the same hash, and so nothing tells them apart.
def _same_hash_test_impl(ctx):
    env = unittest.begin(ctx)
    names = [a + b + c for a in ("Aa", "BB") for b in ("Aa", "BB") for c in ("Aa", "BB")]
    asserts.equals(env, [sorted(names)], split_into_chunks(names, size = 2).values())
    return unittest.end(env)

same_hash_test = unittest.make(_same_hash_test_impl)

# What is in a cache stays there as long as names lead to the same chunks.
def _known_test_impl(ctx):
    env = unittest.begin(ctx)
    names = ["6.1.0-{}-amd64".format(i) for i in range(1, 9)]
    asserts.equals(env, {
        "00": ["6.1.0-4-amd64", "6.1.0-8-amd64"],
        "01": ["6.1.0-1-amd64", "6.1.0-5-amd64"],
        "10": ["6.1.0-2-amd64", "6.1.0-6-amd64"],
        "11": ["6.1.0-3-amd64", "6.1.0-7-amd64"],
    }, split_into_chunks(names, size = 2))
    return unittest.end(env)

known_test = unittest.make(_known_test_impl)

def chunks_tests(name):
    """Declares the tests of this file.

    Args:
      name: string: the test_suite of all.
    """
    tests = {
        "few": few_test,
        "known": known_test,
        "many": many_test,
        "same_hash": same_hash_test,
        "stable": stable_test,
    }
    for case, test in tests.items():
        test(name = "{}_{}_test".format(name, case), size = "small")
    native.test_suite(name = name, tests = ["{}_{}_test".format(name, case) for case in tests])
