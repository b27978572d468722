"""The drift console: what differs, by whom it is mended, and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from community.models import AuditEntry, OutboxItem, OutboxState
from sessions_app.domain.drift import Drift
from sessions_app.services import comparison
from tests.factories import (
    make_channel,
    make_guild,
    make_member,
    make_session,
    make_shard,
    make_user,
    make_viewer,
    snowflake,
)
from tests.pages import as_
from tests.sessions_app.bot_at_hand import bot, drift_of, finds

if TYPE_CHECKING:
    from django.test import Client

    from community.models import Guild
    from sessions_app.models import VoiceSession

pytestmark = pytest.mark.django_db(transaction=True)

ALL = "admin:sessions_app_drift"


@pytest.fixture
def session(guild: Guild) -> VoiceSession:
    """A session under way in a guild whose bot runs."""
    make_shard(guild, heartbeat_at=timezone.now())
    return live(guild, "Mira")


@pytest.fixture
def client(guild: Guild) -> Client:
    return as_(make_viewer("sam", guild, "correct_voicesession"))


def live(guild: Guild, name: str) -> VoiceSession:
    return make_session(make_member(guild, name), make_channel(guild, "Raid"), ended_at=None)


def console(guild: Guild) -> str:
    return reverse("admin:sessions_app_guild_drift", args=[guild.pk])


def body_of(response: Any) -> str:
    assert response.status_code == 200, response
    text: str = response.content.decode()
    return " ".join(text.split())


def compare(client: Client, page: str) -> str:
    return body_of(client.post(page, {"action": "compare"}, follow=True))


def test_a_guild_is_compared_and_all_is_well(
    client: Client, guild: Guild, session: VoiceSession
) -> None:
    before = body_of(client.get(console(guild)))
    with bot(finds(checked=4, to_check=4)):
        after = compare(client, console(guild))

    assert "Not compared yet." in before
    assert "all 4 members were asked about. All is well" in after
    assert "Mend all" not in after
    assert session.channel is not None


def test_each_difference_is_named_with_where_its_member_is(
    client: Client, guild: Guild, session: VoiceSession
) -> None:
    lounge = make_channel(guild, "Lounge")
    moved, back = live(guild, "Noor"), live(guild, "Ines")
    unknown = snowflake()
    drift = [
        drift_of(session, seconds=200),
        Drift("moved_unseen", guild.pk, moved.user_id, moved.channel_id, lounge.pk, moved.pk, 61),
        Drift("rejoined", guild.pk, back.user_id, back.channel_id, back.channel_id, back.pk, 5),
        Drift("missing", guild.pk, unknown, None, 77, None, 3700),
    ]

    with bot(finds(*drift)):
        client.post(console(guild), {"action": "compare"})
    shown = client.get(console(guild))

    body = body_of(shown)
    (of_guild,) = shown.context["guilds"]
    assert [(line.kind, line.seconds) for line in of_guild.lines] == [
        ("ghost session", "3 min 20 s"),
        ("moved unseen", "1 min 1 s"),
        ("left and came back", "5 s"),
        ("missing session", "1 h 1 min"),
    ]
    assert [line.discord for line in of_guild.lines] == [
        "not in voice",
        "Lounge",
        "Raid",
        "channel 77",
    ]
    assert reverse("admin:sessions_app_voicesession_change", args=[moved.pk]) in body
    assert f"user {unknown}" in body
    assert "no session" in body
    assert "4 differences, nothing mended yet." in body
    for meaning in ("Mending ends it", "Mending begins one."):
        assert meaning in body
    assert not AuditEntry.objects.exists()


def test_mending_asks_for_a_reason_and_leaves_a_trail(
    client: Client, guild: Guild, session: VoiceSession
) -> None:
    page = console(guild)
    with bot(finds(drift_of(session))):
        compare(client, page)
        without_reason = body_of(client.post(page, {"action": "mend", "reason": " "}))
        assert not AuditEntry.objects.exists()
        done = body_of(client.post(page, {"action": "mend", "reason": "outage"}, follow=True))

    assert "This field is required." in without_reason
    assert "Mended 1 of 1 difference." in done
    assert "Mend all" not in done
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.reason) == ("sessions.compare", "sam", "outage")
    assert entry.guild_id == guild.pk


def test_who_has_nothing_to_mend_changes_nothing(
    client: Client, guild: Guild, session: VoiceSession
) -> None:
    del session  # there is one, and it is as Discord says
    with bot(finds()):
        compare(client, console(guild))
        done = client.post(console(guild), {"action": "mend", "reason": "why"}, follow=True)

    assert "There was nothing to ask about" in body_of(done)
    assert OutboxItem.objects.count() == 1


def test_a_comparison_that_ran_out_of_time_says_how_far_it_came(
    client: Client, guild: Guild, session: VoiceSession
) -> None:
    del session
    with bot(finds(checked=30, to_check=80)):
        body = compare(client, console(guild))

    assert "only 30 of 80 members were asked about" in body
    assert "Of those, Discord says the same" in body
    assert "All is well" not in body.replace("All is well: Discord says the same as", "", 1)


def test_a_silent_bot_is_said(
    client: Client, guild: Guild, session: VoiceSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    del session
    monkeypatch.setattr(comparison, "ANSWER_SECONDS", 0.2)

    body = compare(client, console(guild))

    assert "No bot answered within 0.2 s, so nothing was compared or changed." in body
    assert "Not compared yet." in body
    assert not OutboxItem.objects.exists()


def test_a_guild_without_a_bot_is_told_at_once(client: Client, guild: Guild) -> None:
    live(guild, "Mira")

    body = compare(client, console(guild))

    assert "No bot runs for this guild, so nothing was compared or changed." in body
    assert "not possible now" in body


def test_a_bot_that_refuses_is_quoted(client: Client, guild: Guild, session: VoiceSession) -> None:
    del session
    with bot(lambda _: None):
        body = compare(client, console(guild))

    assert body.count("The bot could not compare: The guild is in an outage.") == 2


def test_all_guilds_of_the_staff_are_compared_and_mended_together(guild: Guild) -> None:
    make_shard(shard_count=1, heartbeat_at=timezone.now())
    well, unwell, hidden = live(guild, "Mira"), make_guild("Harbour"), make_guild("Hidden")
    ghost = live(unwell, "Noor")
    live(hidden, "Ines")
    user = make_viewer("sam", guild, "correct_voicesession")
    user.guild_access.create(guild=unwell)
    client = as_(user)

    with bot(finds(drift_of(ghost))):
        compared = compare(client, reverse(ALL))
        mended = body_of(
            client.post(reverse(ALL), {"action": "mend", "reason": "why"}, follow=True)
        )

    asked = OutboxItem.objects.filter(state=OutboxState.DONE).order_by("created_at", "id")
    assert "Found 1 difference; nothing was changed." in compared
    assert "Hidden" not in compared
    assert "Mended 1 of 1 difference." in mended
    # Only the guild with a difference is asked again.
    assert sorted(asked.values_list("guild_id", "payload__mend")) == sorted(
        [(well.guild_id, False), (unwell.pk, False), (unwell.pk, True)]
    )


def test_a_console_of_another_guild_is_not_there(guild: Guild, session: VoiceSession) -> None:
    other = as_(make_viewer("other", make_guild("Elsewhere"), "correct_voicesession"))

    for response in (
        other.get(console(guild)),
        other.post(console(guild), {"action": "compare"}),
        other.post(console(guild), {"action": "mend", "reason": "why"}),
        other.get(f"/admin/sessions_app/voicesession/health/drift/{10**30}/"),
    ):
        assert response.status_code == 404
        assert b"Mira" not in response.content
    assert not OutboxItem.objects.exists()
    assert session.ended_at is None


def test_who_may_look_alone_sees_the_latest_and_asks_nothing(
    client: Client, guild: Guild, session: VoiceSession
) -> None:
    with bot(finds(drift_of(session))):
        compare(client, console(guild))
    viewer = as_(make_viewer("viewer", guild))

    shown = body_of(viewer.get(console(guild)))
    refused = viewer.post(console(guild), {"action": "mend", "reason": "why"})

    assert "ghost session" in shown
    for button in ("Compare with Discord (dry run)", "Mend all"):
        assert f">{button}</button>" not in shown
    assert refused.status_code == 403
    assert OutboxItem.objects.count() == 1


def test_a_console_takes_as_many_queries_for_many_as_for_one() -> None:
    make_shard(shard_count=1, heartbeat_at=timezone.now())
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    rows = [live(make_guild("One"), "Mira")]
    with_one = queries_after_comparing(client, rows)

    for number in range(3):
        guild = make_guild(f"More {number}")
        rows += [live(guild, f"Mira {person}") for person in range(3)]
    assert queries_after_comparing(client, rows) == with_one


def queries_after_comparing(client: Client, rows: list[VoiceSession]) -> int:
    with bot(finds(*map(drift_of, rows))):
        compare(client, reverse(ALL))
    with CaptureQueriesContext(connection) as queries:
        body = body_of(client.get(reverse(ALL)))
    assert body.count("ghost session") == len(rows) + 1  # and once what it means
    return len(queries)
