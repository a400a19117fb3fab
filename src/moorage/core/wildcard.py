"""Whole-text matching with wildcards: `*` as ECR's filters use it, `*` and `?` as IAM's policies do."""


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches the pattern, where `*` stands for any run of characters, also an empty one.

    Runs in time proportional to pattern times text at worst; no pattern can make it exponential.
    """
    head, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(head):
        return False
    position = len(head)
    *middle, tail = rest
    for part in middle:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return len(text) - position >= len(tail) and text.endswith(tail)


def matches_glob(pattern: str, text: str) -> bool:
    """Whether the whole text matches the pattern, where `*` is any run of characters and `?` exactly one.

    Runs in time proportional to pattern times text at worst, as `matches` does.
    """
    if len(pattern) - pattern.count("*") > len(text):
        return False
    while "**" in pattern:  # from here on the pattern is at most twice as long as the text
        pattern = pattern.replace("**", "*")
    at = read = 0
    star, resume = -1, 0
    while read < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, read
            at += 1
        elif at < len(pattern) and pattern[at] in {"?", text[read]}:
            at += 1
            read += 1
        elif star >= 0:  # let the last star take one character more
            resume += 1
            at, read = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")
