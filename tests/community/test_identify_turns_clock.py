"""Turns to IDENTIFY that a database's clock gave, which was set back since."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from community.models import Shard
from community.services import leases
from community.services.identify_turns import take_identify_turn
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)

SPACING = 5.0
SHARDS = 3


def test_no_shard_waits_longer_than_all_the_others_need() -> None:
    held = [
        leases.take(shard_id, SHARDS, holder="one", process="host 1", now=NOW)
        for shard_id in range(SHARDS)
    ]
    Shard.objects.update(identify_at=timezone.now() + timedelta(hours=1))

    waits = [
        take_identify_turn(lease, max_concurrency=1, spacing_seconds=SPACING) for lease in held
    ]

    assert max(waits) <= SHARDS * SPACING
