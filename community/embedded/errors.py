"""What can go wrong with the embedded services, in words for whoever started them."""

from typing import ClassVar

from community.domain.errors import RollcallError


class DataFolderInUseError(RollcallError):
    """{folder} is in use by process {process}: stop it, or set DATA_DIR to another folder."""

    code: ClassVar[str] = "data_folder_in_use"


class UnusableFolderError(RollcallError):
    """{folder} cannot be used ({reason}): set DATA_DIR to another folder."""

    code: ClassVar[str] = "unusable-folder"


class UnsafeFolderError(RollcallError):
    """{folder} belongs to somebody else: remove it, or set DATA_DIR to a shorter path."""

    code: ClassVar[str] = "unsafe_folder"


class UnreachableFolderError(RollcallError):
    """PostgreSQL, never root, runs as user {user} and cannot use {folder} ({reason})."""

    code: ClassVar[str] = "unreachable_folder"


class OtherVersionError(RollcallError):
    """{folder} is PostgreSQL {found}'s, and this is {wanted}: dump it first, or set DATA_DIR."""

    code: ClassVar[str] = "other_version"


class ServerFailedError(RollcallError):
    """{server} did not start: {reason}."""

    code: ClassVar[str] = "server_failed"


class NotADemoDatabaseError(RollcallError):
    """DATABASE_URL names a database that is in use: the demo wants one of its own."""

    code: ClassVar[str] = "not_a_demo_database"


class PortTakenError(RollcallError):
    """Nothing can listen on {host} port {port} ({reason}): set WEB_PORT or WEB_BIND to another."""

    code: ClassVar[str] = "port_taken"


class SettingMissingError(RollcallError):
    """{name} is not set: {purpose}. Set it in the environment or in the file .env."""

    code: ClassVar[str] = "setting_missing"
