"""Which Rollcall this is; the packaging's version says the same."""

from typing import Final

VERSION: Final = "0.1.0"
