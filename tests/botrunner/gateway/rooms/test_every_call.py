"""A few calls and answers of Discord's; at_length_every_call.py has all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from django.conf import settings

from botrunner.admin.rows import HAPPENINGS, what_happened
from botrunner.models import RoomState
from tests.botrunner.gateway.rooms.conftest import MAKE
from tests.botrunner.gateway.rooms.refusals import GONE, PATIENCE, REFUSED, UNDONE
from tests.botrunner.gateway.rooms.stories import STORIES
from tests.botrunner.gateway.rooms.told import DEEDS, TOLD, Told
from tests.botrunner.gateway.rooms.trying import hasten, unexpected, wrongs_of
from tests.botrunner.gateway.rooms.visitors import CHANGE

if TYPE_CHECKING:
    from collections.abc import Iterator

SAYS: Final = {
    REFUSED: "403, 400",
    GONE: "404",
    PATIENCE: "429",
    UNDONE: "500, nothing",
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("timing")
@pytest.mark.parametrize(
    ("name", "call", "answers"),
    [
        ("asking", MAKE, ["403 Missing Permissions", "429", "500 after the effect"]),
        ("renaming", CHANGE, ["403 Missing Access", "429 for everything", "cut"]),
    ],
)
async def test_everybody_reads_how_it_stands_and_rooms_recover(
    name: str,
    call: str,
    answers: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hasten(monkeypatch)

    wrong = await wrongs_of(name, STORIES[name], call, always=True, among=answers)

    assert "\n".join(wrong) == ""
    assert unexpected(caplog) == []


def test_the_documentation_says_what_is_tried() -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "rooms.md").read_text(encoding="utf-8")

    assert [line for line in lines() if f"{line}\n" not in text] == []
    assert DEEDS.keys() == TOLD.keys()


def lines() -> Iterator[str]:
    """Writes a line of the documentation for each call, and what Discord may say to it."""
    for key, told in TOLD.items():
        for each in dict.fromkeys(told.values()):
            kinds = [kind for kind in told if told[kind] == each]
            says = ", ".join(SAYS[kind] for kind in kinds)
            yield f"| {DEEDS[key]} | {says} | {asker(each)} | {staff(each)} | {each.then.value} |"


def asker(told: Told) -> str:
    return f"{told.asker.strip().rstrip(':')} ..." if told.asker else "as usual"


def staff(told: Told) -> str:
    if told.staff in HAPPENINGS:
        return what_happened(told.staff)
    return f"it is *{RoomState(told.staff).label}*" if told.staff else "as usual"
