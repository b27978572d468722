"""What a scenario is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.faults.stage import Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.faults.run import Run


@dataclass(frozen=True)
class Scenario:
    """One kind of fault, and how it is judged.

    Attributes:
        name: as on the command line.
        about: what happens, in a line.
        play: the script: makes its faults, and returns when the last is over.
        setting: of its stage.
        quick_setting: of its stage in a short run; the same where None.
        watches_jobs: whether the scheduled jobs have to complete again after it.
        asks_bot: whether requests to the bot wait for it meanwhile, and have to be answered.
        patience: seconds within which all has to be right again.
        least_kept: the share of the true seconds that has to be kept; micro-stays, which are
            not kept, apart.
    """

    name: str
    about: str
    play: Callable[[Run], None]
    setting: Setting = field(default_factory=Setting)
    quick_setting: Setting | None = None
    watches_jobs: bool = False
    asks_bot: bool = False
    patience: float = 90.0
    least_kept: float = 0.0
