"""Python imports this at its start where ``PYTHONPATH`` names the folder."""

from benchmarks.faults.false_clock import obey

obey()
