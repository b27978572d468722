from __future__ import annotations

import pytest

from community.domain.durations import in_words, with_uncertainty


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min 59 s"),
        (11_520, "3 h 12 min"),
        (86_400, "1 d"),
        (180_000, "2 d 2 h"),
    ],
)
def test_in_words_says_the_two_largest_units(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("uncertainty", "words"),
    [
        (0, "3 h 12 min"),
        (0.01, "3 h 12 min ± 1 s"),
        (119, "3 h 12 min ± 119 s"),
        (120, "3 h 12 min ± 2 min"),
        (121, "3 h 12 min ± 3 min"),
        (7201, "3 h 12 min ± 3 h"),
    ],
)
def test_with_uncertainty_never_rounds_down(uncertainty: float, words: str) -> None:
    assert with_uncertainty(11_520, uncertainty) == words
