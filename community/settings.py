"""Django's settings: the composition root, read from the environment, imported by nobody.

Every name that comes from the environment is documented in the README, with its default.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.templatetags.static import static
from django.urls import reverse_lazy

from community.embedded.places import socket_folder
from community.environment import LOG_LEVELS, Environment, broker_from, database_from

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR)

# What the installation is -----------------------------------------------------------------

DATA_DIR = env.data_dir
DEBUG = env.flag("DEBUG", default=False)
# Empty where none is set: Django refuses it by name at the first use, so that a process
# that signs nothing (the bot, the worker) runs without.
SECRET_KEY = env.text("SECRET_KEY")
SITE_URL = env.http_url("SITE_URL", "http://127.0.0.1:8000")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
WEB_BIND = env.text("WEB_BIND", "127.0.0.1")
WEB_PORT = env.whole("WEB_PORT", 8000, least=1, most=65535)
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", LOG_LEVELS)

# Discord ----------------------------------------------------------------------------------

DISCORD_TOKEN = env.text("DISCORD_TOKEN")
DISCORD_API_URL = env.http_url("DISCORD_API_URL", "https://discord.com/api/v10")
DISCORD_MEMBERS_INTENT = env.flag("DISCORD_MEMBERS_INTENT", default=True)
DISCORD_MESSAGE_CONTENT_INTENT = env.flag("DISCORD_MESSAGE_CONTENT_INTENT", default=False)

# Keeping the books ------------------------------------------------------------------------

CHECKPOINT_SECONDS = env.number("CHECKPOINT_SECONDS", 60.0, least=1, most=3600)
STALE_AFTER_SECONDS = env.number("STALE_AFTER_SECONDS", 300.0, least=10, most=86400)
COMPARE_SECONDS = env.number("COMPARE_SECONDS", 600.0, least=10, most=86400)
SPOOL_MEGABYTES = env.whole("SPOOL_MEGABYTES", 512, least=1, most=1_000_000)
STALE_GRACE_SECONDS = env.number("STALE_GRACE_SECONDS", 120.0, least=0, most=120)

# Rooms ------------------------------------------------------------------------------------

ENABLE_VOICE_FEATURES = env.flag("ENABLE_VOICE_FEATURES", default=True)
VOICE_TIMEOUT = env.number("VOICE_TIMEOUT", 60.0, least=5, most=3600)
VOICE_ROOMS_AT_ONCE = env.whole("VOICE_ROOMS_AT_ONCE", 0, least=0, most=10_000)

# Django -----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "ninja",
    "community",
    "sessions_app",
    "events_app",
    "botrunner",
]

MIDDLEWARE = [
    "community.api.middleware.ApiAnswers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "community.admin.middleware.NoNulInQueries",
]

ROOT_URLCONF = "community.urls"
WSGI_APPLICATION = "community.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Without DATABASE_URL the embedded server's socket is meant, whether it runs or not: a
# command that needs no database then needs no setting either.
DATABASE_URL = env.text(
    "DATABASE_URL",
    f"postgresql://rollcall@/rollcall?host={quote(str(socket_folder(DATA_DIR)), safe='')}",
)
DATABASES = {"default": database_from(DATABASE_URL)}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

CELERY_BROKER_URL = broker_from(env.text("CELERY_BROKER_URL"))

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "community.static_files.GzippedStaticFilesStorage"},
}

# Safe over https, usable over plain http on loopback --------------------------------------

_https = SITE_URL.startswith("https://")
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = _https
SECURE_HSTS_SECONDS = 31536000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
if env.flag("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Celery: schedules in UTC, nothing kept that nobody reads -----------------------------------

# Beat skips an hour, or crashes, where a zone's clock is set back: everything is in UTC.
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_BEAT_SCHEDULER = "community.beat:SteadyScheduler"
# What a job did stands in its JobRun; no result backend is needed.
CELERY_TASK_IGNORE_RESULT = True
# A task is acknowledged when it is done, and goes back to the queue when its process was
# killed under it: the first without the second would lose it. Each is safe to run twice,
# and expires within its interval, so that one that kills its process is not tried for ever.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# Late acknowledgement counts tasks under way against the prefetch: one is all a process needs.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A task whose connection broke can be acknowledged no more and comes again: end it.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
# No job takes minutes; one that hangs is told, then killed, and holds its place no longer.
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 300
# A broker that is away for long is waited for: Celery's default gives up after 100 tries.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
if urlsplit(CELERY_BROKER_URL).scheme.partition("+")[0] in {"redis", "rediss", "sentinel"}:
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        # When a killed worker's tasks come again. Longer than any task may take, since one
        # still under way would be given out twice; nothing is sent with a far ETA.
        "visibility_timeout": 900,
        # A Redis that was reset, or vanished without closing, is noticed and left: kombu's
        # default waits on the dead connection for ever, and the worker looks alive.
        "socket_timeout": 30,
        "socket_connect_timeout": 10,
        "socket_keepalive": True,
    }
elif CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(DATA_DIR / "broker"),
        "data_folder_out": str(DATA_DIR / "broker"),
        "control_folder": str(DATA_DIR / "broker" / "control"),
    }

# Logs: to standard error, ids and reasons, no tokens -----------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # httpx and discord.py's http name whole addresses, a webhook's secret among them.
    "loggers": {"httpx": {"level": "WARNING"}, "discord.http": {"level": "WARNING"}},
}

# The admin ------------------------------------------------------------------------------------

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Rollcall",
    "SITE_HEADER": "Rollcall",
    "SITE_SUBHEADER": "Who was there, when and for how long",
    "SITE_SYMBOL": "how_to_reg",
    "SITE_URL": reverse_lazy("admin:index"),
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": False,  # the audit trail is the history
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: static("community/mark.svg")}
    ],
    "STYLES": [lambda _: static("community/admin.css")],
    "DASHBOARD_CALLBACK": "sessions_app.admin.dashboard.fill",
    "SIDEBAR": {"show_search": True, "navigation": "community.admin.navigation.sidebar"},
}
