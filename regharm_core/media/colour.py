"""A picture's own colour space: shown to the network as sRGB, and the way back.

Who does the work: profiles made of a matrix and curves go through OpenColorIO, which comes inside OpenImageIO, in
floating point; where OpenImageIO is absent, and for profiles made of tables, it is Pillow's ImageCms (Little CMS), at
8 bits. A change is carried back as a difference, so that what was not changed keeps its values to the last bit.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageCms

from .library import find_openimageio
from .primaries import decode, encode, matrix_to_rec709, xyz_to_rec709

ALIKE = 2  # of 255: a profile that moves no colour further than this is sRGB by another name
FILM_WHITE = 685 / 1023  # printing density's code for white
FILM_RANGE = 1023 * 0.002 / 0.6  # density a code, by the film's own contrast; all codes are 1 here
FILM_BLACK = 10 ** ((95 - 685) * 0.002 / 0.6)  # light at the code for black
LINEAR_GREY = (137, 188, 225)  # what 64, 128 and 192 of linear light are in sRGB


class Space(Protocol):
    """Colours of a picture (N 3, full scale 1) as the network sees them, and back."""

    def shown(self, values: np.ndarray) -> np.ndarray:
        """From the picture's own values."""
        ...

    def own(self, shown: np.ndarray) -> np.ndarray:
        """To the picture's own values."""
        ...


@dataclass(frozen=True)
class LinearSpace:
    """Linear light in other primaries; shown as linear light in sRGB's, beyond 0..1 where need be."""

    matrix: np.ndarray

    def shown(self, values: np.ndarray) -> np.ndarray:
        return values @ self.matrix.T

    def own(self, shown: np.ndarray) -> np.ndarray:
        return shown @ np.linalg.inv(self.matrix).T


@dataclass(frozen=True)
class GammaSpace:
    """Values that are a power of linear light in other primaries, as Adobe RGB's."""

    matrix: np.ndarray
    gamma: float

    def shown(self, values: np.ndarray) -> np.ndarray:
        return encode((values.clip(0, 1) ** self.gamma @ self.matrix.T).clip(0, 1))

    def own(self, shown: np.ndarray) -> np.ndarray:
        return (decode(shown.clip(0, 1)) @ np.linalg.inv(self.matrix).T).clip(0, 1) ** (1 / self.gamma)


@dataclass(frozen=True)
class FilmSpace:
    """Printing density, as film scanners keep it: the logarithm of light (Kodak, "Conversion of 10-bit Log Film Data").

    Brighter than white is shown as white; it keeps its values, as colours do that sRGB has not.
    """

    def shown(self, values: np.ndarray) -> np.ndarray:
        light = 10 ** ((values - FILM_WHITE) * FILM_RANGE)
        return encode(((light - FILM_BLACK) / (1 - FILM_BLACK)).clip(0, 1))

    def own(self, shown: np.ndarray) -> np.ndarray:
        light = decode(shown.clip(0, 1)) * (1 - FILM_BLACK) + FILM_BLACK
        return FILM_WHITE + np.log10(light) / FILM_RANGE


@dataclass(frozen=True)
class ProfileSpace:
    """A profile of a matrix and curves, by OpenColorIO."""

    profile: bytes

    def shown(self, values: np.ndarray) -> np.ndarray:
        return encode((self._through(values, inverse=True) @ xyz_to_rec709().T).clip(0, 1))

    def own(self, shown: np.ndarray) -> np.ndarray:
        return self._through(decode(shown.clip(0, 1)) @ np.linalg.inv(xyz_to_rec709()).T, inverse=False)

    def _through(self, values: np.ndarray, *, inverse: bool) -> np.ndarray:
        """The profile's values to XYZ (white of D65) where ``inverse``, else the other way."""
        oiio = find_openimageio()
        with tempfile.TemporaryDirectory() as folder:  # named by its content: OpenColorIO remembers files by name
            path = Path(folder) / f"{hashlib.sha256(self.profile).hexdigest()}.icc"
            path.write_bytes(self.profile)
            given = oiio.ImageBuf(np.ascontiguousarray(values[None], np.float32))
            made = oiio.ImageBufAlgo.ociofiletransform(
                given, str(path), unpremult=False, inverse=inverse, colorconfig="ocio://default"
            )
            if made.has_error:
                raise ValueError(made.geterror())
            return made.get_pixels(oiio.FLOAT)[0]


@dataclass(frozen=True)
class TableSpace:
    """Any profile, by Little CMS at 8 bits."""

    profile: bytes

    def shown(self, values: np.ndarray) -> np.ndarray:
        return _through_8_bits(values, _open(self.profile), _srgb())

    def own(self, shown: np.ndarray) -> np.ndarray:
        return _through_8_bits(shown, _srgb(), _open(self.profile))


def profile_space(profile: bytes) -> Space | None:
    """The space of an RGB profile; None where it is sRGB or goes one way only (values are shown as they are)."""
    try:
        opened = _open(profile)
        there = _through_8_bits(_lattice(), opened, _srgb())
        back = _through_8_bits(there, _srgb(), opened)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if float(np.abs(there - _lattice()).max()) * 255 <= ALIKE or not np.isfinite(back).all():
        return None
    space = ProfileSpace(profile)
    if find_openimageio(or_none=True) is not None:
        try:
            space.shown(_lattice())
        except ValueError:
            return TableSpace(profile)
        return space
    return TableSpace(profile)


def linear_space(profile: bytes) -> tuple[bool, Space | None]:
    """Whether an RGB profile's values are linear light, and if so, how they are shown as such in sRGB's primaries."""
    try:
        opened = _open(profile)
        greys = np.repeat(np.array([[64.0], [128.0], [192.0]]) / 255, 3, axis=1)
        shown = _through_8_bits(greys, opened, _srgb())[:, 1] * 255
        if float(np.abs(shown - LINEAR_GREY).max()) > 2 * ALIKE:
            return False, None
        facts: Any = opened.profile
        own = np.stack([facts.red_colorant[0], facts.green_colorant[0], facts.blue_colorant[0]], axis=1)
        facts = _srgb().profile
        target = np.stack([facts.red_colorant[0], facts.green_colorant[0], facts.blue_colorant[0]], axis=1)
        matrix = np.linalg.inv(target) @ own  # both are for the white of D50
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, np.linalg.LinAlgError):
        return False, None
    return True, None if np.abs(matrix - np.eye(3)).max() < 0.01 else LinearSpace(matrix)


def primaries_space(primaries: tuple[float, ...]) -> Space | None:
    """The space of linear light in these primaries (x and y of red, green, blue, white); None for sRGB's."""
    try:
        matrix = matrix_to_rec709(primaries)
    except (ValueError, ZeroDivisionError, np.linalg.LinAlgError):
        return None
    return None if np.abs(matrix - np.eye(3)).max() < 1e-3 else LinearSpace(matrix)


def colours_of(profile: bytes) -> str:
    """What kind of picture a profile is for: "RGB", "GRAY", "CMYK", ..., or "" for none."""
    try:
        facts: Any = _open(profile).profile
        return str(facts.xcolor_space).strip()
    except (ImageCms.PyCMSError, OSError):
        return ""


def name_of(profile: bytes) -> str:
    """A profile's own name, or ""."""
    try:
        return ImageCms.getProfileDescription(_open(profile)).strip()
    except (ImageCms.PyCMSError, OSError):
        return ""


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _open(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def _lattice() -> np.ndarray:
    """125 3: colours spread over the cube."""
    steps = np.linspace(0, 1, 5)
    return np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)


def _through_8_bits(
    values: np.ndarray, source: ImageCms.ImageCmsProfile, target: ImageCms.ImageCmsProfile
) -> np.ndarray:
    given = Image.fromarray((values[None].clip(0, 1) * 255).round().astype(np.uint8))
    made = ImageCms.profileToProfile(given, source, target, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)
    if made is None:
        raise ValueError("Little CMS gave no picture")
    return np.asarray(made)[0].astype(np.float32) / 255
