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
    parser.add_argument("part", choices=["ours", "naive", "empty", "tap", "batches"])
    parser.add_argument("--moves", type=int, required=True)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "community.settings")
    django.setup()
    from benchmarks import batches, bots  # noqa: PLC0415 (they import models: settings first)

    if options.part == "batches":
        print(json.dumps(batches.measure(options.moves)), flush=True)
        return
    print(json.dumps(asyncio.run(bots.BOTS[options.part](options.moves))), flush=True)


if __name__ == "__main__":
    main()
