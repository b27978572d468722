"""Why the bot cannot run, in words for whoever started it."""

from __future__ import annotations

from community.domain.errors import RollcallError


class CannotRunError(RollcallError):
    """The bot cannot run."""

    code = "bot.cannot_run"


class TokenRefusedError(CannotRunError):
    """Discord refuses the token: check DISCORD_TOKEN (Bot page at https://discord.com/developers/applications)."""

    code = "bot.token_refused"


class IntentNotEnabledError(CannotRunError):
    """The privileged intent {intent} is not enabled for this bot: switch it on at https://discord.com/developers/applications (Bot page, Privileged Gateway Intents), or set {setting}=false to run without it."""  # noqa: E501 - one line is the message

    code = "bot.intent_not_enabled"


class ShardRefusedError(CannotRunError):
    """Discord refuses the connection of shard {shard_id} of {shard_count} with code {close_code}: {meaning}."""  # noqa: E501 - one line is the message

    code = "bot.connection_refused"


class DatabaseNotReadyError(CannotRunError):
    """The database is not ready after {seconds:g} s: {reason}."""

    code = "bot.database_not_ready"


class BotFolderUnusableError(CannotRunError):
    """{folder} cannot be used ({reason}): set DATA_DIR to a folder that the bot may write to."""

    code = "bot.folder_unusable"


class NoBotFolderFreeError(CannotRunError):
    """{count} bots run in {folder}: set DATA_DIR to another folder for this one."""

    code = "bot.no_folder_free"
