"""The page of health and recovery, and the sweep by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from community.models import AuditEntry, JobRun, Shard
from sessions_app.models import VoiceSession
from sessions_app.services.health import regular_jobs
from tests.factories import (
    NOW,
    at,
    make_channel,
    make_gap,
    make_guild,
    make_house,
    make_member,
    make_running,
    make_session,
    make_shard,
    make_user,
    make_viewer,
)
from tests.pages import as_

if TYPE_CHECKING:
    from collections.abc import Iterator

    from community.models import Guild

pytestmark = pytest.mark.django_db

HEALTH, SWEEP, DRIFT = "sessions_app_health", "sessions_app_sweep", "sessions_app_drift"


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def address(name: str, *args: object) -> str:
    return reverse(f"admin:{name}", args=args)


def unseen(guild: Guild, name: str = "Mira", *, minutes: float = 10) -> VoiceSession:
    """Makes a session under way that was seen so many minutes ago."""
    return make_session(
        make_member(guild, name), make_channel(guild), ended_at=None, last_seen_at=at(-minutes)
    )


def body_of(response: Any) -> str:
    assert response.status_code == 200, response
    text: str = response.content.decode()
    return text


# What the page says -----------------------------------------------------------------------


def test_all_is_well_where_it_is(guild: Guild) -> None:
    make_shard(shard_count=1, last_frame_at=NOW, is_connected=True)
    for job in regular_jobs():
        JobRun.objects.create(job=job, started_at=at(-1), finished_at=at(-0.5))

    body = body_of(as_(make_viewer("sam", guild)).get(address(HEALTH)))

    assert "All is well: nothing to look at." in body
    assert "possible now" in body
    assert "done 30 s ago" in body
    assert "None: everything was watched" in body


def test_warnings_gaps_and_what_waits_are_told(guild: Guild) -> None:
    make_shard(shard_count=1, last_frame_at=NOW, figures={"queued": 4, "spool_records": 30})
    unseen(guild)
    gap = make_gap(guild.pk, cause="bot_down", sessions_touched=3, sessions_mended=2)
    make_gap(guild.pk, began_at=at(-3000), ended_at=at(-2900))

    body = body_of(as_(make_viewer("sam", guild)).get(address(HEALTH)))

    assert "Sessions without a recent checkpoint: 1." in body
    assert "4 facts wait in memory and 30 on disk" in body
    assert "34 facts wait to be written" in body
    assert "The job sessions_app.sweep_stale has not completed lately." in body
    assert address("sessions_app_blindgap_change", gap.pk) in body
    assert "2 of 3" in body
    assert body.count("bot down") == 1


def test_the_page_says_why_no_recovery_is_possible(guild: Guild) -> None:
    body = body_of(as_(make_viewer("sam", guild)).get(address(HEALTH)))

    assert "not possible now" in body
    assert "No bot runs for these guilds" in body


def test_staff_read_of_their_guilds_alone(guild: Guild) -> None:
    hidden = make_guild("Hidden Harbour")
    unseen(hidden, "Hidden Person")
    make_gap(hidden.pk)
    client = as_(make_viewer("sam", guild))

    for name in (HEALTH, SWEEP, DRIFT):
        body = body_of(client.get(address(name)))
        assert "Hidden" not in body, name
    assert client.get(address(HEALTH)).context["figures"][1][1] == "0"


def test_the_pages_take_as_many_queries_for_many_as_for_one() -> None:
    client = as_(make_user("root", is_staff=True, is_superuser=True))
    make_house(make_guild("One"))
    make_running()
    unseen(make_guild("Two"))
    pages = [address(HEALTH), address(SWEEP)]
    for page in pages:
        client.get(page)
    with_one = [queries_of(client, page) for page in pages]

    for number in range(3):
        make_house(make_guild(f"More {number}"), members=3)
        unseen(make_guild(f"Other {number}"))
    assert [queries_of(client, page) for page in pages] == with_one


def queries_of(client: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        body_of(client.get(page))
    return len(queries)


def test_the_pages_are_linked_from_the_sidebar_the_index_and_the_guild(guild: Guild) -> None:
    client = as_(make_viewer("sam", guild))

    index = body_of(client.get(reverse("admin:index")))
    of_guild = body_of(client.get(address("community_guild_change", guild.pk)))

    assert index.count(f'href="{address(HEALTH)}"') >= 2
    assert "No bot has ever connected." in index
    assert address("sessions_app_guild_drift", guild.pk) in of_guild


@pytest.mark.parametrize(
    ("page", "marked"),
    [
        (HEALTH, ["Health and recovery"]),
        (DRIFT, ["Health and recovery"]),
        ("sessions_app_voicesession_changelist", ["Voice sessions"]),
        ("index", ["Now"]),
        ("password_change", []),
    ],
)
def test_the_sidebar_marks_the_one_entry_that_a_page_belongs_to(
    guild: Guild, page: str, marked: list[str]
) -> None:
    shown = as_(make_viewer("sam", guild)).get(address(page))

    items = [item for group in shown.context["sidebar_navigation"] for item in group["items"]]
    assert [item["title"] for item in items if item["active"]] == marked


def test_the_index_tells_no_warnings_to_who_may_not_look() -> None:
    client = as_(make_user("clerk", is_staff=True))

    index = body_of(client.get(reverse("admin:index")))

    assert "No bot has ever connected." not in index
    assert address(HEALTH) not in index


# The sweep --------------------------------------------------------------------------------


def test_a_dry_run_shows_what_would_end_and_ends_nothing(guild: Guild) -> None:
    old = unseen(guild, "Old", minutes=6)
    unseen(guild, "Fresh", minutes=4)
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    usual = body_of(client.get(address(SWEEP)))
    longer = body_of(client.get(address(SWEEP), {"minutes": "3"}))

    assert "1 session would end" in usual
    assert "Old" in usual
    assert "Fresh" not in usual
    assert "2026-11-20 12:56:00 CET" in usual  # the last checkpoint plus the grace
    assert "2 sessions would end" in longer
    assert "Sweep now" in longer
    old.refresh_from_db()
    assert old.status == "active"
    assert not AuditEntry.objects.exists()


def test_a_dry_run_that_finds_nothing_offers_no_sweep(guild: Guild) -> None:
    make_shard(guild)
    unseen(guild, minutes=60)

    body = body_of(
        as_(make_viewer("sam", guild, "correct_voicesession")).get(address(SWEEP), {"minutes": 5})
    )

    assert "Nothing would end" in body
    assert "Sweep now" not in body


def test_a_dry_run_names_the_first_hundred(guild: Guild) -> None:
    channel = make_channel(guild)
    for _ in range(101):
        make_session(make_member(guild), channel, ended_at=None, last_seen_at=at(-10))

    shown = as_(make_viewer("sam", guild)).get(address(SWEEP))

    assert "101 sessions would end" in body_of(shown)
    assert len(shown.context["lines"]) == 100
    assert "The 100 that were seen the longest ago." in body_of(shown)


@pytest.mark.parametrize("minutes", ["0", "1441", "nan", "soon", "-3", ""])
def test_a_wrong_number_of_minutes_is_said_at_its_field(guild: Guild, minutes: str) -> None:
    unseen(guild)
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    asked = client.get(address(SWEEP), {"minutes": minutes})
    told = client.post(address(SWEEP), {"minutes": minutes, "reason": "why"})

    for response in (asked, told):
        assert "rc-error" in body_of(response)
        assert 'id="found-title"' not in body_of(response)
    assert VoiceSession.objects.active().count() == 1


def test_a_sweep_ends_what_was_shown_and_leaves_a_trail(guild: Guild) -> None:
    old, fresh = unseen(guild, "Old", minutes=6), unseen(guild, "Fresh", minutes=4)
    elsewhere = unseen(make_guild("Elsewhere"))
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    done = client.post(address(SWEEP), {"minutes": "5", "reason": "the host is gone"}, follow=True)

    assert "Ended 1 session by estimate, and dropped 0" in body_of(done)
    assert done.redirect_chain == [(address(HEALTH), 302)]
    for session, status in ((old, "stale"), (fresh, "active"), (elsewhere, "active")):
        session.refresh_from_db()
        assert session.status == status
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_name, entry.guild_id) == ("sessions.sweep", "sam", guild.pk)
    assert entry.reason == "the host is gone"
    assert entry.after["ended_ids"] == [str(old.pk)]


def test_a_sweep_of_nothing_says_so(guild: Guild) -> None:
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    done = client.post(address(SWEEP), {"minutes": "5", "reason": "why"}, follow=True)

    assert "Nothing was stale any more" in body_of(done)
    assert not AuditEntry.objects.exists()


def test_a_sweep_wants_a_reason(guild: Guild) -> None:
    old = unseen(guild)
    client = as_(make_viewer("sam", guild, "correct_voicesession"))

    told = client.post(address(SWEEP), {"minutes": "5", "reason": " "})

    old.refresh_from_db()
    assert "This field is required." in body_of(told)
    assert old.status == "active"


# Who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [HEALTH, SWEEP, DRIFT])
@pytest.mark.parametrize("who", ["anonymous", "member", "no rights"])
def test_nothing_opens_for_those_who_may_see_nothing(guild: Guild, name: str, who: str) -> None:
    unseen(guild)
    user = None if who == "anonymous" else make_user("someone", is_staff=who == "no rights")
    client = as_(user)

    for response in (
        client.get(address(name)),
        client.post(address(name), {"action": "compare", "minutes": "5", "reason": "why"}),
    ):
        assert response.status_code in {302, 403}
        assert response.status_code == 403 or "login" in response["Location"]
    assert VoiceSession.objects.active().count() == 1


def test_who_may_look_alone_is_offered_nothing_and_does_nothing(guild: Guild) -> None:
    unseen(guild)
    client = as_(make_viewer("viewer", guild))

    shown = "".join(body_of(client.get(address(name))) for name in (HEALTH, SWEEP, DRIFT))
    refused = client.post(address(SWEEP), {"minutes": "5", "reason": "why"})

    assert "Sweep: dry run" in shown
    for button in ("Sweep now", "Compare with Discord (dry run)", "Mend all"):
        assert f">{button}</button>" not in shown
    assert refused.status_code == 403
    assert VoiceSession.objects.active().count() == 1


def test_a_post_from_elsewhere_is_refused(guild: Guild) -> None:
    unseen(guild)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_viewer("sam", guild, "correct_voicesession"))

    for name in (SWEEP, DRIFT):
        response = client.post(address(name), {"minutes": "5", "reason": "why"})
        assert response.status_code == 403
    assert VoiceSession.objects.active().count() == 1


def test_a_shard_and_a_job_are_linked_for_who_may_open_them(guild: Guild) -> None:
    make_shard(shard_count=1)
    viewer = make_viewer("viewer", guild)
    limited = make_viewer("limited", guild)
    limited.user_permissions.set(
        viewer.user_permissions.exclude(codename__in=["view_shard", "view_jobrun"])
    )
    shard_page = address("community_shard_change", Shard.objects.get().pk)

    assert shard_page in body_of(as_(viewer).get(address(HEALTH)))
    unlinked = body_of(as_(limited).get(address(HEALTH)))
    assert shard_page not in unlinked
    assert "shard 0 of 1" in unlinked
    assert address("community_jobrun_changelist") not in unlinked
