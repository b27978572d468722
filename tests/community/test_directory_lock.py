"""Two batches of one guild at once: the second waits, and sees what the first wrote."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

import pytest
from django.db import connection, transaction

from community.domain.directory import MemberChanged
from community.models import RoleSpan
from community.services import directory
from tests.community.directory_records import member, minutes, sighted


def apply_and_hang_up(event: MemberChanged) -> None:
    try:
        directory.apply([event])
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_second_batch_of_a_guild_waits_for_the_first() -> None:
    directory.apply([sighted(member(1))])
    change = MemberChanged(member(1, 11), minutes(1))

    with ThreadPoolExecutor(max_workers=1) as other:
        with transaction.atomic():
            directory.apply([change])
            second = other.submit(apply_and_hang_up, change)
            with pytest.raises(NotYet):
                second.result(timeout=0.5)
        second.result(timeout=10)

    assert RoleSpan.objects.count() == 1
