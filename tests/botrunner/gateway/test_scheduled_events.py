"""Discord's scheduled events, over real sockets from the sandbox to rows in the database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from botrunner.gateway import interests
from botrunner.sandbox.rest import scheduled_events
from botrunner.sandbox.rest.errors import ApiError
from botrunner.sandbox.rest.routes import ROUTES
from botrunner.sandbox.scheduled_event import (
    EntityType,
    EventStatus,
    Frequency,
    Recurrence,
)
from events_app.models import Event, Interest
from sessions_app.models import VoiceSession
from tests.botrunner.gateway.conftest import (
    now,
    reconnecting,
    running,
    serving,
    settled,
    stored,
    until,
    until_stored,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from botrunner.gateway.supervisor import Supervisor
    from botrunner.sandbox.rest.call import Answer, Call
    from botrunner.sandbox.scheduled_event import ScheduledEvent
    from events_app.domain.scheduled import ScheduledRecord
    from tests.botrunner.gateway.conftest import Community

pytestmark = pytest.mark.django_db(transaction=True)

USERS = "GET /guilds/{guild}/scheduled-events/{event}/users"
UNKNOWN_EVENT = 10070


@dataclass
class Questions:
    """What the bot asks about who is interested.

    Attributes:
        asked: each event that was asked about, in order.
        refusals: how many questions are still to be refused, and with which code.
        meanwhile: done while the next answer is on its way.
    """

    asked: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    meanwhile: list[Any] = field(default_factory=list)

    async def answer(self, call: Call) -> Answer:
        self.asked.append(call.id("event", UNKNOWN_EVENT))
        if self.refusals:
            raise ApiError(self.refusals.pop(0))
        answer = await scheduled_events.get_scheduled_event_users(call)
        if self.meanwhile:
            self.meanwhile.pop(0)()
            await asyncio.sleep(0.2)
        return answer


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    questions = Questions()
    monkeypatch.setitem(ROUTES, USERS, questions.answer)
    monkeypatch.setattr(interests, "SECONDS_BETWEEN_TRIES", 0.3)
    return questions


@pytest.fixture
async def community(questions: Questions) -> AsyncIterator[Community]:  # noqa: ARG001 - its route
    async with serving() as made:
        yield made


def announced(community: Community, **fields: Any) -> ScheduledEvent:
    """Announces an event in an hour."""
    values: dict[str, Any] = {
        "name": "Raid",
        "channel_id": community.voice[0],
        "scheduled_start_time": now() + timedelta(hours=1),
    }
    return community.world.create_scheduled_event(community.guild.id, **(values | fields))


def become(community: Community, event: ScheduledEvent, **fields: Any) -> None:
    community.world.update_scheduled_event(community.guild.id, event.id, **fields)


def look_forward(community: Community, event: ScheduledEvent, *people: int) -> None:
    for who in people:
        community.world.add_interest(community.guild.id, event.id, community.people[who])


async def events() -> list[Event]:
    return await stored(lambda: list(Event.objects.order_by("starts_at")))


async def interested() -> set[int]:
    return await stored(lambda: set(Interest.objects.values_list("user_id", flat=True)))


async def until_interested(community: Community, *people: int) -> None:
    wanted = {community.people[who] for who in people}

    async def are_interested() -> bool:
        return await interested() == wanted

    await until_stored(are_interested)


def all_is_asked(bot: Supervisor) -> bool:
    """Whether no event is still to be asked about."""
    return not any(
        questions
        for shard in bot.shards
        if shard._watch is not None
        for questions in shard._watch.interests._questions.values()
    )


async def test_events_that_were_there_before_the_bot_come_in_with_who_is_interested(
    community: Community,
) -> None:
    event = announced(community, description="Bring a torch")
    look_forward(community, event, 0, 1)

    async with running(community):
        await until_interested(community, 0, 1)

        [row] = await events()
        assert (row.discord_event_id, row.title) == (event.id, "Raid")
        assert row.starts_at == event.scheduled_start_time
        assert row.ends_at == row.starts_at + timedelta(hours=2)
        assert row.channel_ids == [community.voice[0]]
        assert row.is_from_discord


async def test_an_event_is_followed_from_its_announcement_to_its_end(
    community: Community,
) -> None:
    async with running(community) as bot:
        event = announced(community)
        moved = event.scheduled_start_time + timedelta(minutes=30)
        become(community, event, name="Raids", scheduled_start_time=moved)
        look_forward(community, event, 0, 1)
        community.world.remove_interest(community.guild.id, event.id, community.people[0])
        await settled(bot)

        [row] = await events()
        assert (row.title, row.starts_at, row.state) == ("Raids", moved, "scheduled")
        await until_interested(community, 1)

        become(community, event, status=EventStatus.ACTIVE)
        await settled(bot)
        [row] = await events()
        assert row.state == "live"
        assert row.starts_at <= now()
        await asyncio.sleep(0.1)
        become(community, event, status=EventStatus.COMPLETED)
        await settled(bot)

        [row] = await events()
        assert row.state == "ended"
        assert row.starts_at < row.ends_at <= now()


async def test_one_that_repeats_makes_an_event_for_each_time(
    community: Community, questions: Questions
) -> None:
    async with running(community) as bot:
        start = now() + timedelta(hours=1)
        rule = Recurrence(start, Frequency.DAILY)
        event = announced(community, scheduled_start_time=start, recurrence_rule=rule)
        look_forward(community, event, 0)
        await until_interested(community, 0)
        become(community, event, status=EventStatus.ACTIVE)
        become(community, event, status=EventStatus.COMPLETED)
        await until(lambda: len(questions.asked) == 2)
        await until(lambda: all_is_asked(bot))
        await settled(bot)

        first, second = await events()
        assert (first.state, second.state) == ("ended", "scheduled")
        assert second.starts_at == second.planned_start == start + timedelta(days=1)
        assert await stored(second.interests.count) == 1


async def test_an_event_that_is_deleted_is_cancelled(community: Community) -> None:
    async with running(community) as bot:
        event = announced(community)
        await settled(bot)
        community.world.delete_scheduled_event(community.guild.id, event.id)
        await settled(bot)

        [row] = await events()
        assert row.state == "cancelled"


async def test_an_external_event_counts_no_channel(community: Community) -> None:
    async with running(community) as bot:
        announced(
            community,
            entity_type=EntityType.EXTERNAL,
            channel_id=None,
            location="The park",
            scheduled_end_time=now() + timedelta(hours=3),
        )
        await settled(bot)

        [row] = await events()
        assert row.counted_channel_ids == []


async def test_what_happened_while_the_bot_was_blind_is_settled_by_the_guilds_statement(
    community: Community, questions: Questions
) -> None:
    async with running(community) as bot:
        gone, kept = announced(community), announced(community, name="Games")
        look_forward(community, kept, 0)
        await until_interested(community, 0)
        await until(lambda: all_is_asked(bot))
        questions.asked.clear()

        async with reconnecting(bot):
            community.sandbox.troubles.make("refuse")
            community.world.delete_scheduled_event(community.guild.id, gone.id)
            become(community, kept, name="Board games")
            made = announced(community, name="Films")
            look_forward(community, kept, 1)
            community.world.remove_interest(community.guild.id, kept.id, community.people[0])

        states = {row.title: row.state for row in await events()}
        assert states == {"Raid": "cancelled", "Board games": "scheduled", "Films": "scheduled"}
        await until_interested(community, 1)
        await until(lambda: set(questions.asked) == {kept.id, made.id})


async def test_what_is_replayed_needs_no_question(
    community: Community, questions: Questions
) -> None:
    async with running(community) as bot:
        event = announced(community)
        await until(lambda: len(questions.asked) == 1)
        await until(lambda: all_is_asked(bot))
        async with reconnecting(bot):
            community.sandbox.troubles.make("drop")
            look_forward(community, event, 0)

        await until_interested(community, 0)
        assert len(questions.asked) == 1


async def test_pages_of_the_interested_are_put_together() -> None:
    async with serving(members=260) as crowd:
        event = announced(crowd)
        look_forward(crowd, event, *range(250))
        async with running(crowd):
            await until_interested(crowd, *range(250))


async def test_what_is_heard_while_it_is_asked_is_newer_than_the_answer(
    community: Community, questions: Questions
) -> None:
    event = announced(community)
    look_forward(community, event, 0, 1)

    def change_their_minds() -> None:
        community.world.remove_interest(community.guild.id, event.id, community.people[0])
        look_forward(community, event, 2)

    questions.meanwhile.append(change_their_minds)
    async with running(community) as bot:
        await until(lambda: questions.asked and all_is_asked(bot))
        await settled(bot)

        assert await interested() == {community.people[1], community.people[2]}


async def test_a_question_without_an_answer_is_asked_again(
    community: Community, questions: Questions
) -> None:
    event = announced(community)
    look_forward(community, event, 0)
    questions.refusals = [50013]
    async with running(community):
        await until_interested(community, 0)

    assert len(questions.asked) == 2


async def test_questions_that_are_refused_again_and_again_are_left(
    community: Community, questions: Questions
) -> None:
    announced(community)
    questions.refusals = [50013] * 9
    async with running(community) as bot:
        await until(lambda: len(questions.asked) == interests.MOST_TRIES)
        await until(lambda: all_is_asked(bot))
        event = announced(community, name="Games")
        questions.refusals = [UNKNOWN_EVENT]
        await until(lambda: questions.asked[-1] == event.id)
        await until(lambda: all_is_asked(bot))

    assert len(questions.asked) == interests.MOST_TRIES + 1


async def test_an_event_that_cannot_be_read_cancels_nothing_and_hides_nothing(
    community: Community, caplog: pytest.LogCaptureFixture
) -> None:
    # Announced before the bot came, discord.py knows them, and would throw at the first.
    first, second = announced(community), announced(community, name="Games")
    async with running(community) as bot:
        await settled(bot)
        payload = first.payload(community.guild.id) | {"scheduled_start_time": "soon"}
        community.sandbox.gateway.send_raw(
            community.guild.id, "GUILD_SCHEDULED_EVENT_UPDATE", payload
        )
        await until(lambda: "GUILD_SCHEDULED_EVENT_UPDATE could not be read" in caplog.text)
        await settled(bot)
        assert "the client ended" not in caplog.text
        stated = community.guild.create_payload() | {
            "guild_scheduled_events": [payload, second.payload(community.guild.id)]
        }
        community.sandbox.gateway.send_raw(community.guild.id, "GUILD_CREATE", stated)
        await settled(bot)

        assert {row.state for row in await events()} == {"scheduled"}
        assert "GUILD_CREATE could not be read: 1 of its scheduled events" in caplog.text


async def test_a_calendar_that_is_refused_holds_up_no_session(
    community: Community, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(community) as bot:
        # A name that no column holds passes the translation of nobody but a broken bot.
        [shard] = bot.shards
        assert shard._watch is not None
        feed = shard._watch.feed
        record = feed._scheduled._record
        monkeypatch.setattr(feed._scheduled, "_record", lambda *given: _too_long(record(*given)))
        announced(community)
        community.join(0, 0)
        await settled(bot)

        assert await stored(VoiceSession.objects.count) == 1
        assert await events() == []
        assert "the calendar refused" in caplog.text


def _too_long(record: ScheduledRecord) -> ScheduledRecord:
    return replace(record, title="x" * 101)
