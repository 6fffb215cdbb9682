"""Fields of a recipe that came from JSON: of the right type and in their range, or an error that quotes them."""

from __future__ import annotations

import math
from typing import TypeGuard

from ...errors import ConfigError

LARGEST = 1e300  # whole numbers beyond do not fit into a floating point number


def check_number(
    name: str, value: object, low: float, high: float = math.inf, *, above: bool = False, endless: bool = False
) -> None:
    """A number from ``low`` (or ``above`` it) to ``high``; infinity only where it is ``endless``.

    Raises:
        ConfigError: otherwise.
    """
    number = value if _is_number(value) else math.inf if endless and value == math.inf else math.nan
    if low <= number <= high and not (above and number == low):
        return
    wanted = f"more than {low:g}" if above else f"{low:g} or more"
    wanted += "" if high == math.inf else f" and at most {high:g}"
    raise ConfigError(f"{name} must be a {'' if endless else 'finite '}number, {wanted}, got {shown(value)}")


def check_whole(name: str, value: object, low: int, high: float = math.inf) -> None:
    """A whole number from ``low`` to ``high``.

    Raises:
        ConfigError: otherwise.
    """
    if type(value) is not int or not low <= value <= high:
        most = "" if high == math.inf else f" and at most {high}"
        raise ConfigError(f"{name} must be a whole number of {low} or more{most}, got {shown(value)}")


def check_flag(name: str, value: object) -> None:
    """True or false.

    Raises:
        ConfigError: otherwise.
    """
    if not isinstance(value, bool):
        raise ConfigError(f"{name} must be true or false, got {shown(value)}")


def check_path(name: str, value: object) -> None:
    """A path or None.

    Raises:
        ConfigError: otherwise.
    """
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{name} must be a path, got {shown(value)}")


def check_range(name: str, value: object, low: float, high: float = math.inf, *, above: bool = False) -> None:
    """Two numbers, the smaller first, as for :func:`check_number`.

    Raises:
        ConfigError: otherwise.
    """
    if not isinstance(value, tuple) or len(value) != 2 or not all(map(_is_number, value)) or value[0] > value[1]:
        raise ConfigError(f"{name} must be two numbers, the smaller first, got {shown(value)}")
    for end in value:
        check_number(name, end, low, high, above=above)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def shown(value: object) -> str:
    """As it is quoted; a number of thousands of digits is cut."""
    if isinstance(value, int) and abs(value) > LARGEST:
        return "a number of hundreds of digits or more"
    return repr(value)[:200]
