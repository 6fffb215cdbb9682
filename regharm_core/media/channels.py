"""Which channels of a file are the colour and which is the alpha, and in what light the colour is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .colour import FilmSpace, GammaSpace, Space, colours_of, linear_space, primaries_space, profile_space
from .library import find_openimageio
from .raster import Raster

UNNAMED = re.compile(r"channel\d*|i\d*")  # the second in Cineon
NO_COLOUR = ("z", "depth")
RGB = (("r", "g", "b"), ("red", "green", "blue"))
ALPHA_IN_COLOUR = ("tiff", "openexr")  # formats whose alpha is multiplied into the colour unless they say otherwise


def described(path: Path, kind: str, spec: Any, values: np.ndarray) -> Raster:
    """A raster of what OpenImageIO read, still without its colour space.

    Raises:
        InputError: when no channel is a colour.
    """
    names = tuple(str(name) for name in spec.channelnames)
    colour = _colour(names)
    if not colour:
        raise InputError(f"{path} has no colour among its channels: {', '.join(names)[:100]}")
    alpha = int(spec.alpha_channel)
    prefix = names[colour[0]].rpartition(".")[0]
    if not 0 <= alpha < len(names) or alpha in colour:
        alpha = next((n for n, name in enumerate(names) if name.lower() in (f"{prefix}.a".lower(), "a", "alpha")), -1)
    if alpha in colour:
        alpha = -1
    associated = kind in ALPHA_IN_COLOUR and not spec.get_int_attribute("oiio:UnassociatedAlpha", 0)
    most = 8 * values.dtype.itemsize
    bits = spec.get_int_attribute("oiio:BitsPerSample", most) if values.dtype.kind in "ui" else most
    return Raster(
        values,
        min(max(bits, 8), most),
        colour,
        None if alpha < 0 else alpha,
        associated=associated and alpha >= 0,
        names=names,
        types=tuple(str(one) for one in spec.channelformats),
        kind=kind,
    )


def coloured(raster: Raster, spec: Any, profile: bytes) -> Raster:
    """The same raster, knowing how its colour is to be shown, and keeping its profile where it fits."""
    wanted = "GRAY" if len(raster.colour) == 1 else "RGB"
    if not profile or colours_of(profile) != wanted:
        profile = b""
    extras = raster.extras | ({"icc_profile": profile} if profile else {})
    linear, space = False, None
    if raster.floating:
        linear, space = linear_space(profile) if profile and wanted == "RGB" else (True, _named_space(spec))
    elif not profile:
        space = _whole_numbers_space(spec)
    if not linear and profile and wanted == "RGB":
        space = profile_space(profile)
    return replace(raster, extras=extras, linear=linear, space=space if wanted == "RGB" else None)


def _colour(names: tuple[str, ...]) -> tuple[int, ...]:
    """The first red, green and blue of one layer, those without a layer before others; else one grey channel.

    A channel that is alone is grey whatever its name ("A", "matte", "roto.R": so mattes are written), but for depth.
    """
    lower = [name.lower() for name in names]
    layers = dict.fromkeys(["", *(name.rpartition(".")[0] for name in lower)])
    for layer in layers:
        for three in RGB:
            whole = [f"{layer}.{colour}" if layer else colour for colour in three]
            if all(name in lower for name in whole):
                return tuple(lower.index(name) for name in whole)
    for grey in ("y", "l", "luminance", "gray", "grey"):
        if grey in lower:
            return (lower.index(grey),)
    plain = [n for n, name in enumerate(lower) if UNNAMED.fullmatch(name)]
    if plain:
        return tuple(plain[:3]) if len(plain) >= 3 else tuple(plain[:1])
    if lower == ["r", "g"]:  # so OpenImageIO calls grey and a channel of which the file does not say what it is
        return (0,)
    return (0,) if len(lower) == 1 and lower[0].rpartition(".")[2] not in NO_COLOUR else ()


def _whole_numbers_space(spec: Any) -> Space | None:
    """The space of DPX and Cineon, which say whether their values are a film's or linear light."""
    name = spec.get_string_attribute("oiio:ColorSpace")
    if name == "KodakLog":
        return FilmSpace()
    return GammaSpace(np.eye(3), 1.0) if spec.get_string_attribute("dpx:Transfer") == "Linear" else None


def _named_space(spec: Any) -> Space | None:
    """How linear light is shown, from the primaries that an EXR states, or the colour space that it names."""
    stated = spec.getattribute("chromaticities")
    if stated is None:
        name = spec.get_string_attribute("oiio:ColorSpace") or spec.get_string_attribute("colorInteropID")
        config = find_openimageio().ColorConfig("ocio://default")
        stated = config.get_chromaticities(name) if name and config.isColorSpaceLinear(name) else None
    return primaries_space(tuple(float(v) for v in stated)) if stated is not None and len(stated) == 8 else None
