"""`moorage tls self-signed`: a private authority and a certificate for trials."""

import shlex
from collections.abc import Sequence

from moorage.cli import authority
from moorage.cli.authority import Made, Wanted
from moorage.cli.data_directory import prepare_directory
from moorage.cli.listening import remembered_port
from moorage.cli.trust import trust_lines
from moorage.config import Options


def self_signed(options: Options, names: Sequence[str], *, days: int, force: bool) -> int:
    """Make the files and print what to do with them: comments and shell lines. Raises CommandError."""
    prepare_directory(options.data_dir)
    port = remembered_port(options.data_dir) if options.listen.port is None else None
    options = options.listening_on(port) if port else options
    wanted = Wanted(authority.names_of(options, names), authority.domains_of(options), days)
    made = authority.make(options.data_dir / authority.FOLDER, wanted, force=force, now=authority.now())
    print(explanation(made, options.registry_address), end="")
    return 0


def explanation(made: Made, registry: str) -> str:
    """What was made, and the lines to paste, by client."""
    kept = "kept, so clients that trust it need nothing new" if made.kept else "new: every client has to trust it"
    lines = [
        f"# Authority: {made.authority} ({kept}). For trials: guard ca.key beside it, it is good for these names for years.",
        f"# Certificate until {made.until:%Y-%m-%d}, for {', '.join(made.names)}",
        "",
        "# serve with it",
        f"export MOORAGE_TLS_CERT={shlex.quote(str(made.folder / 'cert.pem'))}",
        f"export MOORAGE_TLS_KEY={shlex.quote(str(made.folder / 'key.pem'))}",
    ]
    for client, commands in trust_lines(made.authority, registry).items():
        lines += ["", f"# {client}", *commands]
    return "\n".join(lines) + "\n"
