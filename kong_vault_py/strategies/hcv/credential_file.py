"""Reading a credential from a file that an option names."""

from __future__ import annotations

from pathlib import Path

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.secret import Secret

__all__ = ["read_credential"]


def read_credential(path: str, option: str, what: str) -> Secret:
    """Return a file's text without the white space around it.

    Args:
        path: the file.
        option: the option that names it, for error texts.
        what: what it should hold ("secret ID").

    Raises:
        AuthenticationError: it can't be read, is empty, or no credential could look like that.
    """
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        raise AuthenticationError(f"option '{option}': {path!r} holds no {what}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AuthenticationError(f"option '{option}': can't read {path!r}: {reason}") from error
    if not text:
        raise AuthenticationError(f"option '{option}': {path!r} is empty")
    return Secret(text)
