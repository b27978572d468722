"""An event among Discord's scheduled events: how that stands, and the asking for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django import forms
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.html import format_html

from community.admin.showing import moment
from community.domain.errors import RollcallError
from community.models import Channel
from events_app.admin.bot_notes import NO_BOT
from events_app.admin.pages import CHANGE, address, refuse
from events_app.models import EventState
from events_app.services.announcements import AnnouncementState, announcement_of
from events_app.services.publishing import (
    can_be_shown,
    publication_of,
    publish,
    withdraw_from_discord,
)

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse
    from django.utils.safestring import SafeString

    from community.services.bot_facts import BotFacts
    from events_app.admin.pages import Asker
    from events_app.models import Event
    from events_app.services.announcements import Announcement

ON_DISCORD: Final = "https://discord.com/events"

LABELS: Final = {
    AnnouncementState.NONE: ("not announced", ""),
    AnnouncementState.ASKED: ("asked for", "info"),
    AnnouncementState.SHOWN: ("announced", "success"),
    AnnouncementState.WITHDRAWING: ("to be taken away", "info"),
    AnnouncementState.WITHDRAWN: ("taken away", ""),
    AnnouncementState.GONE: ("gone on Discord", "warning"),
}

WHY_NOT: Final = {
    EventState.DRAFT: "A draft is not announced: publish the draft first.",
    EventState.CANCELLED: "The event was cancelled: it cannot be announced.",
    EventState.SCHEDULED: "The event has begun: Discord takes no start in the past.",
    EventState.LIVE: "The event has begun: Discord takes no start in the past.",
    EventState.ENDED: "The event is over: Discord takes no start in the past.",
}

FROM_DISCORD: Final = "It was made on Discord: it is announced and edited there."


@dataclass(frozen=True, slots=True)
class AnnouncementBox:
    """How an event's announcement stands, in the page's words.

    Attributes:
        told: the words of its state, their label, and since when.
        notes: what there is to say besides.
        trouble: what Discord refused, and what is out of date.
        href: where Discord shows it.
        actions: addresses and words of what can be done.
    """

    words: str
    label: str
    at: SafeString | str
    notes: list[str]
    trouble: list[str]
    href: str
    actions: list[tuple[str, str]]


class SeenForm(forms.Form):
    """Which version of the event was looked at."""

    expected_version = forms.IntegerField(required=False, widget=forms.HiddenInput)


def announcement_box(asker: Asker, event: Event, bot: BotFacts) -> AnnouncementBox:
    """Tells how an event's announcement stands, and what can be done."""
    href = _href(event)
    if event.is_from_discord:
        return AnnouncementBox("from Discord", "info", "", [FROM_DISCORD], [], href, [])
    found = announcement_of(event)
    words, label = LABELS[found.state]
    if found.is_outdated and found.state is AnnouncementState.SHOWN:
        words, label = "out of date", "warning"
    elif found.refusal and found.state is not AnnouncementState.SHOWN:
        words, label = "refused", "danger"
    return AnnouncementBox(
        words=words,
        label=label,
        at=_at(event, found),
        notes=_notes(asker, event, found, bot),
        trouble=_trouble(event, found),
        href=href,
        actions=_actions(asker, event, found) if asker.may(CHANGE) else [],
    )


def _at(event: Event, found: Announcement) -> SafeString | str:
    if found.at is None:
        return ""
    return format_html("{} {}", LABELS[found.state][0].capitalize(), moment(found.at, event.zone))


def _notes(asker: Asker, event: Event, found: Announcement, bot: BotFacts) -> list[str]:
    notes = []
    is_pending = found.state in {AnnouncementState.ASKED, AnnouncementState.WITHDRAWING}
    if is_pending:
        notes.append("The bot was asked, and has not answered yet.")
    elif found.state is AnnouncementState.GONE:
        notes.append("It was deleted or cancelled on Discord. The event itself stays as it is.")
    if is_pending and not bot.is_running:
        notes.append(NO_BOT)
    if not is_pending and not can_be_shown(event, now=asker.now) and not event.discord_event_id:
        notes.append(WHY_NOT[EventState(event.state)])
    return notes


def _trouble(event: Event, found: Announcement) -> list[str]:
    trouble = []
    if found.refusal:
        what = "to take it away" if found.is_refused_withdrawal else "it"
        trouble.append(f"Discord refused {what}: {found.refusal}.")
    if found.shown_id is not None and event.state == EventState.CANCELLED:
        trouble.append("The event was cancelled, and Discord still announces it.")
    elif found.is_outdated:
        trouble.append(
            "The event was changed since: what Discord shows is older, until it is brought up to "
            "date. That is not done by itself."
        )
    return trouble


def _actions(asker: Asker, event: Event, found: Announcement) -> list[tuple[str, str]]:
    actions = []
    is_shown = found.shown_id is not None
    is_waiting = found.state is AnnouncementState.ASKED and not found.is_outdated
    if can_be_shown(event, now=asker.now) and not is_waiting:
        is_older = found.is_outdated or (is_shown and bool(found.refusal))
        again = "Bring it up to date" if is_older else "Announce it once more"
        actions.append(
            (address("announce", event.pk), again if is_shown else "Announce on Discord")
        )
    can_go = is_shown or found.state is AnnouncementState.ASKED
    if can_go and found.state is not AnnouncementState.WITHDRAWING:
        actions.append((address("unannounce", event.pk), "Take the announcement away"))
    return actions


def _href(event: Event) -> str:
    shown_id = event.discord_event_id
    return "" if shown_id is None else f"{ON_DISCORD}/{event.guild_id}/{shown_id}"


def announce_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Shows what Discord would show of an event, and asks the bot for it."""
    event = asker.event(event_id)
    form = SeenForm(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid():
        seen = form.cleaned_data["expected_version"]
        try:
            item = publish(event, actor=asker.user, now=asker.now, expected_version=seen)
        except RollcallError as error:
            refuse(form, error)
            event = asker.event(event_id)
        else:
            _say(asker, "announce the event", is_new=item.created_at == asker.now)
            return HttpResponseRedirect(address("change", event.pk))
    why_not = ""
    if event.is_from_discord:
        why_not = FROM_DISCORD
    elif not can_be_shown(event, now=asker.now):
        why_not = WHY_NOT[EventState(event.state)]
    is_shown = event.discord_event_id is not None
    return asker.render(
        "event/announce.html",
        "Bring the announcement up to date" if is_shown else "Announce on Discord",
        event=event,
        errors=form.non_field_errors() if form.is_bound else [],
        facts=_facts(event),
        why_not=why_not,
        submit="Have it shown so" if is_shown else "Announce it",
        back=address("change", event.pk),
    )


def unannounce_page(asker: Asker, event_id: UUID) -> HttpResponse:
    """Asks the bot to take an event's announcement away."""
    event = asker.event(event_id)
    form = forms.Form(asker.request.POST if asker.request.method == "POST" else None)
    if asker.request.method == "POST" and form.is_valid():
        try:
            item = withdraw_from_discord(event, actor=asker.user, now=asker.now)
        except RollcallError as error:
            refuse(form, error)
        else:
            _say(asker, "take the announcement away", is_new=item.created_at == asker.now)
            return HttpResponseRedirect(address("change", event.pk))
    return asker.render(
        "event/decide.html",
        "Take the announcement away",
        event=event,
        form=form,
        explanation="Discord shows it no more. The event itself stays: it is planned here, and "
        "counts as before.",
        submit="Take it away",
        back=address("change", event.pk),
        media=form.media,
    )


def _say(asker: Asker, what: str, *, is_new: bool) -> None:
    if is_new:
        messages.success(asker.request, f"The bot was asked to {what}.")
    else:
        messages.info(asker.request, f"The bot had been asked to {what} already: nothing is lost.")


def _facts(event: Event) -> list[tuple[str, object]]:
    """Says what Discord would show."""
    shown = publication_of(event)
    place: object = shown.location
    if shown.channel_id is not None:
        place = Channel.objects.filter(pk=shown.channel_id).first() or "its channel"
    facts: list[tuple[str, object]] = [
        ("Name", shown.name),
        ("Start", moment(shown.starts_at, event.zone)),
        ("End", moment(shown.ends_at, event.zone)),
        ("Where", place),
        ("Description", shown.description),
    ]
    return [(name, fact) for name, fact in facts if fact]
