"""Runs one measured part in a process of its own: ``python -m benchmarks.child PART …``.

It prints ``"ready"`` and later its result, both as lines of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os

import django


def main() -> None:
    """Sets Django up, and runs the part that the command line names."""
    parser = argparse.ArgumentParser()
    parts = ["ours", "naive", "empty", "tap", "batches", "checkpoint", "participation"]
    parser.add_argument("part", choices=parts)
    parser.add_argument("--moves", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={}, help="of a part")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "community.settings")
    django.setup()
    from benchmarks import (  # noqa: PLC0415 - they import models: settings first
        batches,
        bots,
        checkpoint_costs,
        participation_costs,
    )

    if options.part == "checkpoint":
        print(json.dumps(checkpoint_costs.measure(**options.options)), flush=True)
        return
    if options.part == "participation":
        print(json.dumps(participation_costs.measure(**options.options)), flush=True)
        return
    if options.part == "batches":
        print(json.dumps(batches.measure(options.moves)), flush=True)
        return
    print(json.dumps(asyncio.run(bots.BOTS[options.part](options.moves))), flush=True)


if __name__ == "__main__":
    main()
