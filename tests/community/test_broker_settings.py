from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

SHOW = """
import json
from community.celery import app
print(json.dumps([app.conf.broker_url, app.conf.broker_transport_options]))
"""


def configured(broker_url: str) -> tuple[str, dict[str, Any]]:
    """What a process of its own makes of the address: it and the transport's options."""
    shown = subprocess.run(  # noqa: S603 - this interpreter, and a text of our own
        [sys.executable, "-c", SHOW],
        env=os.environ | {"CELERY_BROKER_URL": broker_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    url, options = json.loads(shown.stdout)
    return url, options


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis+socket:///nowhere/redis.sock"])
def test_redis_is_noticed_when_it_vanishes_and_gives_no_task_out_twice(url: str) -> None:
    used, options = configured(url)

    assert used == url
    assert options["socket_timeout"] > 0
    assert options["visibility_timeout"] > 300


def test_another_broker_gets_no_options_of_redis() -> None:
    used, options = configured("amqp://127.0.0.1:1//")

    assert (used, options) == ("amqp://127.0.0.1:1//", {})
