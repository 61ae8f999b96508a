"""Chunks: kernels that are packed, and tailored, in one action."""

# So many that starting the action hardly counts, so few that one more kernel costs little.
CHUNK_SIZE = 64

_HASH_BITS = 32

def _bits(name):
    # hash() is Java's, whose low bits tell names that differ in a digit badly
    # apart. Multiplied like this (Knuth), the upper ones depend on all of them.
    return hash(name) * 2654435761 % (1 << _HASH_BITS)

def split_into_chunks(names, size = CHUNK_SIZE):
    """Shares names out, in such a way that one more changes one chunk, or splits it in two, and leaves the others alone.

    Args:
      names: list of strings.
      size: int: how many names a chunk can have; more only where they share all bits of their hash.

    Returns:
      A dict of sorted lists of names, by what tells the chunk from the others: the first bits of its names' hashes, or
      "all" if it is the only one.
    """
    chunks = {}
    buckets = {"": [(name, _bits(name)) for name in names]}
    for bit in range(_HASH_BITS + 1):
        split = {}
        for prefix, bucket in buckets.items():
            if len(bucket) <= size or bit == _HASH_BITS:
                chunks[prefix or "all"] = sorted([name for name, _ in bucket])
                continue
            for entry in bucket:
                next = prefix + str(entry[1] >> (_HASH_BITS - 1 - bit) & 1)
                split.setdefault(next, []).append(entry)
        buckets = split
    return {prefix: chunks[prefix] for prefix in sorted(chunks)}
