"""What a template of rooms' names may say."""

from __future__ import annotations

import re
from typing import Final

from botrunner.domain.rooms.names import LONGEST, NUMBER, USER

_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")


def problem_of(template: str) -> str:
    """Says what is wrong with a template, in a clause; empty where nothing is."""
    if not template.strip():
        return "it is empty"
    if len(template) > LONGEST:
        return f"Discord takes names of up to {LONGEST} characters"
    unknown = [part for part in _PLACEHOLDER.findall(template) if part not in {USER, NUMBER}]
    if unknown:
        return f"{unknown[0]} stands for nothing, only {USER} and {NUMBER} do"
    if "{" in _PLACEHOLDER.sub("", template) or "}" in _PLACEHOLDER.sub("", template):
        return f"a brace stands alone, only {USER} and {NUMBER} have braces"
    return ""
