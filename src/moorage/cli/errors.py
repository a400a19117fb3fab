"""Why a command cannot go on, said to a person."""


class CommandError(Exception):
    """Ends the command with exit status 1; the message is what the person reads, with what to do about it."""
