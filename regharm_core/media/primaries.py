"""Colour on paper: from one set of primaries to another, and sRGB's curve. No file is read here."""

from __future__ import annotations

import numpy as np

# x and y of red, green, blue and white (CIE 1931).
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
ADOBE_GAMMA = 563 / 256  # Adobe RGB (1998) Color Image Encoding, 4.3.1.2

D50 = np.array([0.9642, 1.0, 0.8249])  # XYZ of the white of ICC's profiles
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def matrix_to_rec709(primaries: tuple[float, ...]) -> np.ndarray:
    """3 x 3, from linear light in these primaries to linear light in sRGB's; white stays white (Bradford).

    Args:
        primaries: x and y of red, green, blue and white.

    Raises:
        ValueError: when the primaries lie on one line, or are no numbers.
    """
    own, white = _matrix_to_xyz(primaries)
    target, target_white = _matrix_to_xyz(REC709)
    scale = np.diag((BRADFORD @ target_white) / (BRADFORD @ white))
    result = np.linalg.inv(target) @ np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ own
    if not np.isfinite(result).all() or abs(np.linalg.det(result)) < 1e-6:
        raise ValueError(f"no primaries of a picture: {primaries}")
    return result


def xyz_to_rec709() -> np.ndarray:
    """3 x 3, from XYZ with the white of D65 to linear light in sRGB's primaries."""
    return np.linalg.inv(_matrix_to_xyz(REC709)[0])


def d50_to_rec709() -> np.ndarray:
    """3 x 3, from XYZ with the white of D50, as profiles and CIE Lab have it, to linear light in sRGB's primaries."""
    target, white = _matrix_to_xyz(REC709)
    scale = np.diag((BRADFORD @ white) / (BRADFORD @ D50))
    return np.linalg.inv(target) @ np.linalg.inv(BRADFORD) @ scale @ BRADFORD


def encode(linear: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] to sRGB's values (IEC 61966-2-1)."""
    low = linear * 12.92
    return np.where(linear <= 0.0031308, low, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def decode(values: np.ndarray) -> np.ndarray:
    """sRGB's values in [0, 1] to linear light."""
    low = values / 12.92
    return np.where(values <= 0.04045, low, ((np.maximum(values, 0.04045) + 0.055) / 1.055) ** 2.4)


def _matrix_to_xyz(primaries: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """RGB to XYZ, and the XYZ of white with Y = 1."""
    points = [np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in zip(primaries[::2], primaries[1::2], strict=True)]
    columns, white = np.stack(points[:3], axis=1), points[3]
    return columns * np.linalg.solve(columns, white), white
