"""What counts as text wherever it came from as JSON."""


def is_unicode(text: str) -> bool:
    """Whether the text has no lone surrogate, which JSON can spell, and UTF-8 and databases cannot."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
