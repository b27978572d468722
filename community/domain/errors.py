"""The one family of errors that Rollcall raises on purpose."""

from typing import ClassVar


class RollcallError(Exception):
    """Something that was asked of Rollcall cannot be done.

    Each subclass has a ``code`` that callers can branch on, and its docstring's first
    line is the message, formatted with ``data``. The faces (admin, API, bot) translate
    it once, at their edge.
    """

    code: ClassVar[str] = "error"

    def __init__(self, **data: object) -> None:
        """Keeps what the message and the caller need.

        Args:
            **data: values that the docstring's placeholders name.
        """
        super().__init__()
        self.data = data

    def __str__(self) -> str:
        """Gives the message: the docstring's first line with the data filled in."""
        first_line = (self.__doc__ or "").strip().splitlines()[0]
        return first_line.format(**self.data)
