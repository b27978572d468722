"""The sections of the drift console that upper floors bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.template.defaultfilters import pluralize

from community.admin.pages import ReasonForm
from community.admin.showing import link_to
from community.models import Guild
from sessions_app import registry

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from sessions_app.admin.pages import Asker
    from sessions_app.registry import DriftLook, DriftPart

LOOK, MEND = "look", "mend_part"
"""Names in the address and in the form, by which a section is chosen."""


@dataclass(frozen=True, slots=True)
class PartLine:
    """One difference, in the page's words."""

    guild: SafeString | str
    what: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class PartShown:
    """A section as the page shows it.

    Attributes:
        is_looked: whether it was looked, and nothing found is good news.
        may_look: whether a button to look is of use.
        may_mend: whether there is something to mend, and the account may.
    """

    key: str
    title: str
    about: str
    is_looked: bool
    may_look: bool
    may_mend: bool
    lines: tuple[PartLine, ...]
    notes: tuple[str, ...]
    reason_form: ReasonForm


def shown_parts(
    request: HttpRequest, asker: Asker, guild_ids: Collection[int] | None, *, now: datetime
) -> list[PartShown]:
    """Lays out the sections that an account may see.

    Args:
        request: names in its query which of those that ask Discord is to look.
        asker: who asks.
        guild_ids: the guilds that the page is about; None for all.
        now: the current time.
    """
    wanted = request.GET.get(LOOK, "")
    shown = []
    for part in registry.drift_parts():
        if not asker.user.has_perm(part.view_permission):
            continue
        may_mend = _may_mend(asker, part)
        look = None
        if not part.asks_discord or (part.key == wanted and may_mend):
            look = part.look(guild_ids, now=now)
        shown.append(_shown(part, look, may_mend=may_mend))
    return shown


def mend_part(
    request: HttpRequest, asker: Asker, guild_ids: Collection[int] | None, *, now: datetime
) -> None:
    """Mends what a section found, and says what came of it.

    Args:
        request: names the section, and says why.
        asker: who asks.
        guild_ids: the guilds that the page is about; None for all.
        now: the current time.

    Raises:
        Http404: if there is no such section.
        PermissionDenied: if the account may not.
    """
    part = next((p for p in registry.drift_parts() if p.key == request.POST.get(MEND)), None)
    if part is None:
        raise Http404
    if not (asker.user.has_perm(part.view_permission) and _may_mend(asker, part)):
        raise PermissionDenied
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"{part.title}: say why; nothing was changed.")
        return
    look = part.mend(guild_ids, now=now, actor=asker.user, reason=form.cleaned_data["reason"])
    _say(request, part, look)


def _say(request: HttpRequest, part: DriftPart, look: DriftLook) -> None:
    mended = len(look.findings) - look.to_mend
    if mended:
        messages.success(request, f"{part.title}: settled {mended:,} of {len(look.findings):,}.")
    if look.to_mend:
        text = f"{part.title}: {look.to_mend:,} difference{pluralize(look.to_mend)} left."
        messages.warning(request, text)
    for note in look.notes:
        messages.error(request, note)
    if not (look.findings or look.notes):
        messages.success(request, f"{part.title}: nothing differs.")


def _may_mend(asker: Asker, part: DriftPart) -> bool:
    # What is posted to this page takes the right to correct sessions, too.
    wanted = part.mend_permission
    return bool(wanted) and asker.may_act and asker.user.has_perm(wanted)


def _shown(part: DriftPart, look: DriftLook | None, *, may_mend: bool) -> PartShown:
    found = look.findings if look is not None else ()
    known = Guild.objects.in_bulk({each.guild_id for each in found})
    return PartShown(
        key=part.key,
        title=part.title,
        about=part.about,
        is_looked=look is not None and not look.notes,
        may_look=part.asks_discord and may_mend,
        may_mend=may_mend and look is not None and look.to_mend > 0,
        lines=tuple(
            PartLine(
                guild=link_to(known[each.guild_id])
                if each.guild_id in known
                else f"guild {each.guild_id}",
                what=each.what,
                where=each.where,
                why=each.why,
            )
            for each in found
        ),
        notes=look.notes if look is not None else (),
        reason_form=ReasonForm(auto_id=f"id_{part.key}_%s"),
    )
