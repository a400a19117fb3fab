"""Whole-text matching with `*`, as ECR's filters use it."""


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
