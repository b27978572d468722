"""What staff decide about a room: each is asked for with a reason, then done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botrunner.admin.choice_fields import ChannelField, SnowflakeField
from botrunner.admin.pages import Decision, decide_about
from botrunner.services.rooms import quarantine, staff
from community.admin.pages import ReasonForm

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from botrunner.models import Room
    from community.admin.pages import Asker


def adopt_form(room: Room) -> type[ReasonForm]:
    """Makes the form that asks which channel is a room's: one of those that can be."""
    found = quarantine.adoptable(room)
    has_own = room.channel_id in dict(found)
    choices: list[tuple[Any, str]] = [(pk, f"{name} ({pk})") for pk, name in found]
    if not has_own:
        choices.insert(0, ("", "choose one" if found else "there is none to choose"))

    class AdoptForm(ReasonForm):
        channel_id = ChannelField(
            label="Channel",
            required=not has_own,
            choices=choices,
            help_text="The room's own, or one that is in the server's quarantine. It is deleted "
            "when the room is over.",
        )
        field_order = ("channel_id", "reason")

    return AdoptForm


class DeleteForm(ReasonForm):
    """The id typed once more, since a channel that is deleted is gone with all that is in it."""

    confirmed_id = SnowflakeField(
        label="Channel id",
        required=False,
        help_text="Type the id of the channel that is to be deleted; nothing where there is none.",
    )
    field_order = ("confirmed_id", "reason")


def close_page(asker: Asker, room_id: UUID) -> HttpResponse:
    """Ends a room."""
    return decide_about(
        asker,
        room_id,
        Decision(
            title="Close the room",
            explanation="Whoever is in it is put out of voice, and its channel is deleted at "
            "once. A request that waits is taken out of the queue.",
            submit="Close the room",
            done="The room ends.",
            what=lambda given: staff.close_room(room_id, **given),
        ),
    )


def retry_page(asker: Asker, room_id: UUID) -> HttpResponse:
    """Has what failed be tried at once."""
    return decide_about(
        asker,
        room_id,
        Decision(
            title="Try again now",
            explanation="What Discord did not do is tried once more at once, not when the wait is "
            "over. If that fails, the wait grows.",
            submit="Try again now",
            done="The bot was told to try again.",
            what=lambda given: staff.try_again(room_id, **given),
        ),
    )


def adopt_page(asker: Asker, room_id: UUID) -> HttpResponse:
    """Makes a room in quarantine one that members use."""
    return decide_about(
        asker,
        room_id,
        Decision(
            title="Adopt the room",
            explanation="It is a room of ours again: it waits for its owner, or goes on with those "
            "who are in it, and its channel is deleted when it is over.",
            submit="Adopt it",
            done="The room was adopted.",
            what=lambda given: quarantine.adopt_room(room_id, **given),
            form_class=adopt_form(asker.row(room_id)),
        ),
    )


def let_go_page(asker: Asker, room_id: UUID) -> HttpResponse:
    """Ends a room in quarantine, and leaves its channel."""
    return decide_about(
        asker,
        room_id,
        Decision(
            title="Let the room go",
            explanation="The room is over, and its channel stays as it is: Rollcall never touches "
            "it again.",
            submit="Let it go",
            done="The room is over; its channel was left alone.",
            what=lambda given: quarantine.let_go_room(room_id, **given),
        ),
    )


def delete_page(asker: Asker, room_id: UUID) -> HttpResponse:
    """Ends a room in quarantine, and deletes its channel."""
    room = asker.row(room_id)
    which = f"channel {room.channel_id}" if room.channel_id else "no channel that is known"
    return decide_about(
        asker,
        room_id,
        Decision(
            title="Delete the room",
            explanation=f"The room ends, and its channel is deleted ({which}), with all that was "
            "written in it. This cannot be taken back.",
            submit="Delete it",
            done="The room ends; its channel is deleted.",
            what=lambda given: quarantine.delete_room(room_id, **given),
            form_class=DeleteForm,
        ),
    )
