"""What can go wrong with the embedded services, in words for whoever started them."""

from typing import ClassVar

from community.domain.errors import RollcallError


class DataFolderInUseError(RollcallError):
    """{folder} is in use by process {process}: stop it, or set DATA_DIR to another folder."""

    code: ClassVar[str] = "data-folder-in-use"


class UnsafeFolderError(RollcallError):
    """{folder} belongs to somebody else: remove it, or set DATA_DIR to a shorter path."""

    code: ClassVar[str] = "unsafe-folder"


class UnreachableFolderError(RollcallError):
    """PostgreSQL, never root, runs as user {user} and cannot use {folder} ({reason})."""

    code: ClassVar[str] = "unreachable-folder"


class OtherVersionError(RollcallError):
    """{folder} is PostgreSQL {found}'s, and this is {wanted}: dump it first, or set DATA_DIR."""

    code: ClassVar[str] = "other-version"


class ServerFailedError(RollcallError):
    """{server} did not start: {reason}."""

    code: ClassVar[str] = "server-failed"
