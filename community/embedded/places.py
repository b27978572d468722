"""Where the embedded services keep their files: paths alone, for settings to import."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from pathlib import Path

# A Unix socket's path has at most 107 bytes; PostgreSQL adds "/.s.PGSQL.5432" to the folder's.
LONGEST_SOCKET_FOLDER = 90


def socket_folder(data_dir: Path) -> Path:
    """Names the folder of the embedded servers' sockets.

    It is ``run`` in the data folder, or, where that path is too long for a socket, a
    folder in the temporary folder that belongs to this user and this data folder alone.

    Args:
        data_dir: the absolute data folder.
    """
    folder = data_dir / "run"
    if len(os.fsencode(folder)) <= LONGEST_SOCKET_FOLDER:
        return folder
    mark = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"rollcall-{os.getuid()}-{mark}"


def place_of(package: str) -> Path:
    """Finds an installed package's folder without importing it.

    Args:
        package: a package that carries binaries.

    Raises:
        ModuleNotFoundError: if it is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return Path(found.submodule_search_locations[0])
