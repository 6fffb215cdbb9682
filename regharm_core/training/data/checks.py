"""Fields of a recipe that came from JSON: of the right type and in their range, or an error that quotes them."""

from __future__ import annotations

import math
from typing import TypeGuard

from ...errors import ConfigError


def check_number(name: str, value: object, low: float, high: float = math.inf, *, above: bool = False) -> None:
    """A finite number from ``low`` (or ``above`` it) to ``high``.

    Raises:
        ConfigError: otherwise.
    """
    if _is_number(value) and low <= value <= high and not (above and value == low):
        return
    wanted = f"more than {low:g}" if above else f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
    raise ConfigError(f"{name} must be a number, {wanted}, got {value!r}")


def check_whole(name: str, value: object, low: int, high: float = math.inf) -> None:
    """A whole number from ``low`` to ``high``.

    Raises:
        ConfigError: otherwise.
    """
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number of {low} or more, got {value!r}")


def check_flag(name: str, value: object) -> None:
    """True or false.

    Raises:
        ConfigError: otherwise.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be true or false, got {value!r}")


def check_path(name: str, value: object) -> None:
    """A path or None.

    Raises:
        ConfigError: otherwise.
    """
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name} must be a path, got {value!r}")


def check_range(name: str, value: object, low: float, high: float = math.inf, *, above: bool = False) -> None:
    """Two numbers, the smaller first, as for :func:`check_number`.

    Raises:
        ConfigError: otherwise.
    """
    if not isinstance(value, tuple) or len(value) != 2 or not all(map(_is_number, value)) or value[0] > value[1]:
        raise ConfigError(f"{name} must be two numbers, the smaller first, got {value!r}")
    for end in value:
        check_number(name, end, low, high, above=above)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
