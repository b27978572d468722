from __future__ import annotations

import stat
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from botrunner.gateway.folder import MOST_FOLDERS, take_folder
from botrunner.gateway.refusals import (
    BotFolderUnusableError,
    CannotRunError,
    NoBotFolderFreeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from botrunner.gateway.folder import BotFolder

# Takes a folder, says whose it is, and waits to be killed.
BOT = """
import sys, time
from pathlib import Path
from botrunner.gateway.folder import take_folder

folder = take_folder(Path(sys.argv[1]))
print(folder.path.name, folder.holder, flush=True)
time.sleep(60)
"""


@contextmanager
def another_bot(data_dir: Path) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """A bot in a process of its own: the number of its folder, its holder, the process."""
    with subprocess.Popen(  # noqa: S603 - this interpreter and our own text
        [sys.executable, "-c", BOT, str(data_dir)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            number, holder = process.stdout.readline().split()
            yield number, holder, process
        finally:
            process.kill()


@contextmanager
def taken(data_dir: Path) -> Iterator[BotFolder]:
    folder = take_folder(data_dir)
    try:
        yield folder
    finally:
        folder.release()


def test_folder_is_made_with_a_holder_that_stays(tmp_path: Path) -> None:
    with taken(tmp_path / "data") as first:
        pass
    with taken(tmp_path / "data") as second:
        pass

    assert first.path == second.path == tmp_path / "data" / "bot" / "0"
    assert first.holder == second.holder
    assert len(first.holder) == 32
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o700


def test_folder_has_a_spool_for_each_shard_of_each_count(tmp_path: Path) -> None:
    with taken(tmp_path) as folder:
        assert folder.spool(3, 16) == tmp_path / "bot" / "0" / "shard-3-of-16.spool"


def test_two_bots_on_one_data_folder_are_two_holders(tmp_path: Path) -> None:
    with another_bot(tmp_path) as (number, holder, _), taken(tmp_path) as ours:
        assert (number, ours.path.name) == ("0", "1")
        assert holder != ours.holder


def test_bot_that_was_killed_leaves_its_folder_to_the_next(tmp_path: Path) -> None:
    with another_bot(tmp_path) as (_, holder, process):
        process.kill()
        process.wait(10)

        with taken(tmp_path) as ours:
            assert (ours.path.name, ours.holder) == ("0", holder)


def test_program_that_the_bot_started_does_not_keep_the_folder(tmp_path: Path) -> None:
    with taken(tmp_path) as first:
        program = subprocess.Popen(
            [sys.executable, "-c", "print('up', flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,
        )
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"

    with program, taken(tmp_path) as second:
        assert second.holder == first.holder
        program.kill()


@pytest.mark.parametrize("damage", ["", "half", "\0" * 32])
def test_damaged_holder_is_made_up_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    with taken(tmp_path) as first:
        pass
    (first.path / "holder").write_text(damage)

    with taken(tmp_path) as second:
        pass
    with taken(tmp_path) as third:
        pass

    assert second.holder not in {first.holder, damage}
    assert third.holder == second.holder
    assert "holder is damaged" in caplog.text


def test_data_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")

    with pytest.raises(BotFolderUnusableError, match=r"Not a directory\): set DATA_DIR") as refusal:
        take_folder(tmp_path / "data")

    assert isinstance(refusal.value, CannotRunError)


def test_holder_that_cannot_be_written_is_refused_and_the_lock_freed(tmp_path: Path) -> None:
    (tmp_path / "bot" / "0" / "holder.new").mkdir(parents=True)

    with pytest.raises(BotFolderUnusableError, match="Is a directory"):
        take_folder(tmp_path)

    (tmp_path / "bot" / "0" / "holder.new").rmdir()
    with taken(tmp_path) as folder:
        assert folder.path.name == "0"


def test_data_folder_full_of_bots_is_refused_in_words(tmp_path: Path) -> None:
    folders = [take_folder(tmp_path) for _ in range(MOST_FOLDERS)]

    try:
        with pytest.raises(NoBotFolderFreeError, match=r"64 bots run in .* set DATA_DIR"):
            take_folder(tmp_path)
    finally:
        for folder in folders:
            folder.release()

    assert len({folder.holder for folder in folders}) == MOST_FOLDERS
    with taken(tmp_path) as again:
        assert again.path.name == "0"
