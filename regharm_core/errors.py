"""The errors that this package raises on purpose; each message quotes what was received."""

from __future__ import annotations


class RegHarmError(Exception):
    """Base of every error raised on purpose by :mod:`regharm_core`."""


class ConfigError(RegHarmError, ValueError):
    """A configuration holds a value outside its documented range."""


class InputError(RegHarmError, ValueError):
    """An image, a mask or an option cannot be used; the message names the argument and quotes it."""


class CheckpointError(RegHarmError, ValueError):
    """A weights file is broken, foreign or does not fit the network it describes."""


def short(value: object, limit: int = 80) -> str:
    """A value as an error message quotes it: its repr in ASCII, cut to ``limit`` characters."""
    text = ascii(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
