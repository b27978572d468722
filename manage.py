"""Runs Rollcall's management commands."""

import os
import signal
import sys


def main() -> None:
    """Hands the command line to Django; a setting that is wrong is one line, not a traceback."""
    if sys.argv[1:2] == ["runbot"]:
        # Until the bot itself obeys signals there is nothing to end in good order.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "community.settings")
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 - settings first
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings first

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # Ctrl-C before a command obeys signals itself: nothing has been started yet.
        sys.exit(128 + signal.SIGINT)
