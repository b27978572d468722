"""The settings of a test run: Rollcall's own defaults, whatever the developer's environment says.

Neither ``.env`` nor a running installation is read. ``DATABASE_URL`` alone is taken from
the environment: it names the server to test on, in place of the embedded one.
"""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TAKEN = {"DATABASE_URL": os.environ.get("DATABASE_URL", "")}
OURS = {
    "ENV_FILE": os.devnull,
    "DATA_DIR": str(PROJECT / ".data" / "test"),
    "SECRET_KEY": "only-for-tests",
    "CELERY_BROKER_URL": "memory://",
    "DISCORD_API_URL": "http://127.0.0.1:9/api/v10",  # nobody listens on the discard port
}
DEFAULTED = (
    "ALLOWED_HOSTS",
    "BEHIND_PROXY",
    "CHECKPOINT_SECONDS",
    "COMPARE_SECONDS",
    "DEBUG",
    "DISCORD_MEMBERS_INTENT",
    "DISCORD_TOKEN",
    "ENABLE_VOICE_FEATURES",
    "LOG_LEVEL",
    "SITE_URL",
    "SPOOL_MEGABYTES",
    "STALE_AFTER_SECONDS",
    "STALE_GRACE_SECONDS",
    "VOICE_ROOMS_AT_ONCE",
    "VOICE_TIMEOUT",
    "WEB_BIND",
    "WEB_PORT",
)

os.environ.update(TAKEN | OURS | dict.fromkeys(DEFAULTED, ""))
# A process that a test starts reads Rollcall's settings from what it is given, which is
# what stands here and what the test changes in it.
os.environ["DJANGO_SETTINGS_MODULE"] = "community.settings"

from community.settings import *  # noqa: E402, F403 - the environment first; settings are names

# Pages are rendered without a collection of the static files before.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# In a fresh clone the folder of collected files is not there: it is looked into when asked.
WHITENOISE_AUTOREFRESH = True
# A password that is made up need not withstand anybody.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A thread of the live server that kept its connection would keep the database from going.
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405 - from community.settings
