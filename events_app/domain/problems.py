"""What is wrong with a plan, said at the field where it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a plan from being kept.

    Attributes:
        field: the plan's field that it belongs to, such as ``ends_at``; ``rule`` for a
            series' rule.
        code: what it is, for programs.
        message: what it is, for people.
    """

    field: str
    code: str
    message: str
