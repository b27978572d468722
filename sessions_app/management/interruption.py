"""Takes Ctrl-C where it does no harm."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self


class Interruption:
    """Keeps a first Ctrl-C until it is asked for; a second one interrupts at once.

    An exception in the midst of what a database's driver does can leave it in any state,
    and come out as any error.
    """

    def __init__(self) -> None:
        self.was_asked = False
        self._before: signal.Handlers | object = None

    def __enter__(self) -> Self:
        # Elsewhere Python takes no signals.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._keep)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]  # as it was given

    def check(self) -> None:
        """Interrupts if that was asked for.

        Raises:
            KeyboardInterrupt: if it was.
        """
        if self.was_asked:
            raise KeyboardInterrupt

    def _keep(self, _signal: int, _frame: FrameType | None) -> None:
        if self.was_asked:
            raise KeyboardInterrupt
        self.was_asked = True
