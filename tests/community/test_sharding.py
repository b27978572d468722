from __future__ import annotations

import pytest
from django.db.models import F

from community.domain.sharding import shard_of
from community.models import Guild
from community.models.shard import shard_in_query
from tests.factories import make_guild


@pytest.mark.django_db
@pytest.mark.parametrize("shard_count", [1, 3, 16])
def test_query_and_python_agree_on_a_guilds_shard(shard_count: int) -> None:
    for guild_id in (1, 7 << 22, 81_384_788_765_712_384, 2**63 - 1):
        make_guild(id=guild_id)

    told = dict(
        Guild.objects.annotate(shard=shard_in_query(F("id"), shard_count)).values_list(
            "id", "shard"
        )
    )

    assert told == {guild_id: shard_of(guild_id, shard_count) for guild_id in told}
    assert len(told) == 4


def test_shard_is_discords_rule() -> None:
    assert [shard_of(guild_id << 22, 4) for guild_id in range(6)] == [0, 1, 2, 3, 0, 1]
    assert shard_of((5 << 22) - 1, 4) == 0
