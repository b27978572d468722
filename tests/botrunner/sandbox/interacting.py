"""What actors use in tests, and the ways by which our bot answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.botrunner.sandbox.controlling import ask

if TYPE_CHECKING:
    from botrunner.sandbox.interaction import Interaction
    from botrunner.sandbox.server import Sandbox
    from botrunner.sandbox.world import World

NAME = {"type": 3, "name": "name", "description": "A name", "required": True}
LIMIT = {"type": 4, "name": "limit", "description": "How many", "min_value": 0, "max_value": 99}
RENAME = {"type": 1, "name": "rename", "description": "Rename it", "options": [NAME]}
LOCK = {"type": 1, "name": "lock", "description": "Lock it", "options": []}
ROOM = {"name": "room", "description": "Your room", "options": [RENAME, LOCK]}
VOICE = {"name": "voice", "description": "Ask for a room"}
WHO = {"type": 6, "name": "who", "description": "Whom"}
INVITE = {"name": "invite", "description": "Invite", "options": [WHO, LIMIT]}
BUTTONS = [
    {
        "type": 1,
        "components": [
            {"type": 2, "style": 1, "label": "Lock", "custom_id": "lock"},
            {"type": 2, "style": 4, "label": "Close", "custom_id": "close", "disabled": True},
            {"type": 2, "style": 5, "label": "Help", "url": "https://example.org"},
        ],
    },
    {"type": 1, "components": [{"type": 5, "custom_id": "invite", "max_values": 2}]},
    {
        "type": 1,
        "components": [
            {
                "type": 3,
                "custom_id": "limit",
                "options": [{"label": "Two", "value": "2"}, {"label": "Five", "value": "5"}],
            }
        ],
    },
]
MODAL = {
    "title": "Rename the room",
    "custom_id": "rename:17",
    "components": [
        {
            "type": 1,
            "components": [
                {
                    "type": 4,
                    "custom_id": "name",
                    "style": 1,
                    "label": "Name",
                    "min_length": 2,
                    "max_length": 20,
                }
            ],
        }
    ],
}


def callback(interaction: Interaction) -> str:
    return f"/interactions/{interaction.id}/{interaction.token}/callback"


def webhook(world: World, interaction: Interaction, message: str = "") -> str:
    path = f"/webhooks/{world.bot.id}/{interaction.token}"
    return f"{path}/messages/{message}" if message else path


async def seen(sandbox: Sandbox, interaction: Interaction) -> dict[str, Any]:
    """What the actor sees of an interaction, by the control interface."""
    _, answer = await ask(sandbox, "GET", f"interactions?id={interaction.id}")
    (shown,) = answer["interactions"]
    return dict(shown)
