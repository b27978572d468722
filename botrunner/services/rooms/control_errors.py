"""Why something cannot be done with a room, in words for whoever asked."""

from __future__ import annotations

from community.domain.errors import RollcallError


class RoomControlError(RollcallError):
    """That cannot be done with the room."""

    code = "room.control"


class ControlsOffError(RoomControlError):
    """Rooms are switched off here."""

    code = "room.off"


class NoRoomError(RoomControlError):
    """You have no room here. Ask for one with `/voice`."""

    code = "room.none"


class RoomOverError(RoomControlError):
    """This room is over."""

    code = "room.over"


class NotThereYetError(RoomControlError):
    """Your room is not there yet. It can be changed as soon as it is."""

    code = "room.not_there_yet"


class NotOwnerError(RoomControlError):
    """Only <@{owner_id}>, whose room this is, may do that."""

    code = "room.not_owner"


class WrongNameError(RoomControlError):
    """A name has 1 to 100 characters."""

    code = "room.wrong_name"


class WrongLimitError(RoomControlError):
    """A limit is a whole number from 0 to 99; 0 is for none."""

    code = "room.wrong_limit"


class WrongPersonError(RoomControlError):
    """{why}."""

    code = "room.wrong_person"


class TooManyGuestsError(RoomControlError):
    """A room remembers 100 people at most whom it lets in or keeps out."""

    code = "room.too_many_guests"


class NothingToExtendError(RoomControlError):
    """Somebody is in the room: it does not end while that is so."""

    code = "room.nothing_to_extend"


class FarEnoughError(RoomControlError):
    """The end is put off by an hour already, which is the most."""

    code = "room.far_enough"


class NotInsideError(RoomControlError):
    """Only who is in the room may take it over. Join it first."""

    code = "room.not_inside"


class OwnerInsideError(RoomControlError):
    """<@{owner_id}>, whose room this is, is in it: they can hand it over."""

    code = "room.owner_inside"


class HasOwnRoomError(RoomControlError):
    """You have a room of your own already: close it with `/close`, then take this one over."""

    code = "room.has_own"


class OwnsItError(RoomControlError):
    """The room is yours already."""

    code = "room.owns_it"
