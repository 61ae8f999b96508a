"""Glob patterns for kernels: * and ? stay within a path's segment, ** is any number of segments."""

def _segment_matches(pattern, text):
    # Where in the text the part of the pattern read so far can end.
    ends = {0: True}
    for c in pattern.elems():
        if c == "*":
            first = min(ends.keys())
            ends = {i: True for i in range(first, len(text) + 1)}
        else:
            ends = {i + 1: True for i in ends if i < len(text) and (c == "?" or c == text[i])}
        if not ends:
            return False
    return len(text) in ends

def glob_matches(pattern, path):
    """Says whether a pattern matches a whole path.

    Args:
      pattern: string, segments separated by slashes.
      path: string.

    Returns:
      True if it does.
    """
    segments = path.split("/")
    ends = {0: True}
    for part in pattern.split("/"):
        if part == "**":
            first = min(ends.keys())
            ends = {i: True for i in range(first, len(segments) + 1)}
        else:
            ends = {i + 1: True for i in ends if i < len(segments) and _segment_matches(part, segments[i])}
        if not ends:
            return False
    return len(segments) in ends
