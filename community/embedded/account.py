"""Which account PostgreSQL runs as: it refuses to run as root."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from community.embedded.errors import UnreachableFolderError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOBODY = 65534

# What the server may be allowed beyond its account, least first: nothing; to read and pass
# what it has no right to, so that it reaches its files below a closed folder such as
# /root; to do as it likes with files, where a container grants no less.
ALLOWANCES = (None, "dac_read_search", "dac_override")

# Enters each folder, and starts the program, which looks for itself as the server will.
REACHES = 'program=$1; shift; for folder; do cd "$folder" || exit; done; exec "$program" --bindir'


@dataclass(frozen=True)
class Account:
    """An account, and what stands before a command so that it runs as that account."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()


def owner_of(folder: Path) -> Account:
    """Tells whose a server's files are, or will be: ours, or as root an account without rights.

    Args:
        folder: the server's data folder; as root an existing one keeps its owner.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if folder.exists() and folder.stat().st_uid != 0:
        return Account(folder.stat().st_uid, folder.stat().st_gid)
    return Account(NOBODY, NOBODY)


def enable(account: Account, *, program: Path, folders: Sequence[Path]) -> Account:
    """Finds the least with which the account can run the program in the folders.

    No folder's permission is changed for it.

    Args:
        account: whose the folders are.
        program: PostgreSQL's ``pg_config``, beside the server's program.
        folders: where it works.

    Returns:
        The account with its prefix.

    Raises:
        UnreachableFolderError: if nothing that root can grant here is enough.
    """
    if account.uid == os.geteuid():
        return account
    reason = ""
    for allowance in ALLOWANCES:
        prefix = _prefix(account, allowance)
        try:
            tried = subprocess.run(  # noqa: S603 - a fixed command, no shell expansion
                [*prefix, "/bin/sh", "-c", REACHES, "sh", program, *folders],
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise UnreachableFolderError(
                user=account.uid, folder=folders[-1], reason="setpriv is not installed"
            ) from None
        if tried.returncode == 0:
            return Account(account.uid, account.gid, tuple(prefix))
        reason = (tried.stderr.strip().splitlines() or [f"status {tried.returncode}"])[-1]
    raise UnreachableFolderError(user=account.uid, folder=folders[-1], reason=reason)


def _prefix(account: Account, allowance: str | None) -> list[str]:
    prefix = ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    if allowance:
        prefix += [f"--inh-caps=+{allowance}", f"--ambient-caps=+{allowance}"]
        # Without this access(2), by which the server looks whether it may run itself,
        # passes over what was granted.
        prefix += ["--securebits=+no_setuid_fixup"]
    return prefix
