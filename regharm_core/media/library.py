"""OpenImageIO, which the shell uses where it is installed (the extra ``cli``) and says so where it is missed."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import InputError

INSTALL = "pip install OpenImageIO"


def find_openimageio(about: object = "this", *, or_none: bool = False) -> Any:
    """The module.

    Args:
        about: what needs it, for the message.
        or_none: None instead of an error where it is absent.

    Raises:
        InputError: when it is not installed.
    """
    try:
        return importlib.import_module("OpenImageIO")
    except ImportError:
        if or_none:
            return None
        raise InputError(f"{about} needs OpenImageIO to be read or written: {INSTALL}") from None
