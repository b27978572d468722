"""Ctrl-C is taken between chunks, and at once when it is pressed again."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from sessions_app.management.interruption import Interruption


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_first_ctrl_c_waits_until_it_is_asked_for() -> None:
    with Interruption() as interruption:
        interruption.check()
        press()

        with pytest.raises(KeyboardInterrupt):
            interruption.check()


def test_second_ctrl_c_interrupts_at_once() -> None:
    with Interruption():
        press()

        with pytest.raises(KeyboardInterrupt):
            press()


def test_afterwards_ctrl_c_is_taken_as_before() -> None:
    with Interruption():
        pass

    with pytest.raises(KeyboardInterrupt):
        press()


def test_thread_that_gets_no_signals_is_no_obstacle() -> None:
    handlers = []

    def enter() -> None:
        with Interruption():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()

    assert handlers == [signal.getsignal(signal.SIGINT)]
