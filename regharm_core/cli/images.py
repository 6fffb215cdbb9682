"""Picture files in and out: 8 and 16 bit, orientation, alpha and colour profile kept."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..errors import InputError
from ..picture.inputs import LARGEST, SMALLEST
from ..store.files import replacing
from . import deep

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
SUFFIXES = tuple(FORMATS)
WITH_16_BIT = (".png", ".tif", ".tiff")
ASPECT_TOLERANCE = 0.05  # a mask whose sides' ratio is further off belongs to another picture


@dataclass(frozen=True)
class Picture:
    """A decoded file.

    Attributes:
        pixels: 1 3 H W in [0, 1].
        alpha: 1 1 H W in [0, 1], or None.
        depth: 8 or 16 bits a channel.
        extras: colour profile and EXIF (orientation applied and removed), as Pillow's save takes them.
    """

    pixels: Tensor
    alpha: Tensor | None
    depth: int
    extras: dict[str, Any] = field(default_factory=dict)


def read_picture(path: Path, *, sides: tuple[int, int] | None = (SMALLEST, LARGEST)) -> Picture:
    """Decode a picture, upright.

    Args:
        path: of a file that Pillow knows; 16-bit colour needs OpenCV.
        sides: px, the shortest and the longest that will do, asked before anything is decoded; None for any.

    Raises:
        InputError: when the file is missing, broken, too small or large, no still picture, or needs a codec
            that is absent.
    """
    values, depth, extras = _decode(path, sides)
    tensor = torch.from_numpy(values.astype(np.float32)) / (2**depth - 1)
    tensor = tensor.permute(2, 0, 1)[None]  # 1 C H W
    if tensor.shape[1] in (1, 2):
        tensor = torch.cat([tensor[:, :1].expand(-1, 3, -1, -1), tensor[:, 1:]], dim=1)
    return Picture(tensor[:, :3], tensor[:, 3:] if tensor.shape[1] == 4 else None, depth, extras)


def read_mask(path: Path, size: tuple[int, int]) -> Tensor:
    """Decode a mask and fit it to a picture of ``size`` (H, W): 1 1 H W in [0, 1], white = foreground.

    The alpha channel is the mask where there is one that varies, else the lightness. Files that hold
    only the values 0 and 1 are taken as black and white.

    Raises:
        InputError: when the file cannot be read or its proportions fit no such picture.
    """
    picture = read_picture(path, sides=None)
    if picture.alpha is not None and float(picture.alpha.min()) != float(picture.alpha.max()):
        mask = picture.alpha
    else:
        weights = picture.pixels.new_tensor([0.299, 0.587, 0.114])[None, :, None, None]
        mask = (picture.pixels * weights).sum(1, keepdim=True)
        if float(mask.max()) <= 1.01 / (2**picture.depth - 1):
            mask = mask.gt(0).float()
    height, width = mask.shape[-2:]
    if abs((width / height) / (size[1] / size[0]) - 1) > ASPECT_TOLERANCE:
        raise InputError(f"the mask {path} of {width} x {height} px does not fit a picture of {size[1]} x {size[0]} px")
    if (height, width) != size:
        mask = F.interpolate(mask, size, mode="bilinear", antialias=True)
    return mask.clamp(0, 1)


def check_output(path: Path, picture: Picture) -> None:
    """Refuse, before any work, an output that could not hold the picture.

    Raises:
        InputError: on an unknown suffix, a missing folder, or alpha where the format has none.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"cannot write {path}: the suffix must be one of {' '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if picture.alpha is not None and path.suffix.lower() in (".jpg", ".jpeg"):
        raise InputError(f"cannot write {path}: the picture has an alpha channel, which JPEG cannot hold")


def write_picture(path: Path, pixels: Tensor, like: Picture) -> None:
    """Write 1 3 H W with the alpha, depth and extras of the picture it came from; whole or not at all.

    16 bits are kept in PNG and TIFF; JPEG and WebP hold 8. WebP is written lossless, JPEG at quality 95. The
    file is made in memory first: not every encoder notices that the disk is full.
    """
    check_output(path, like)
    suffix = path.suffix.lower()
    depth = like.depth if suffix in WITH_16_BIT else 8
    both = pixels.float() if like.alpha is None else torch.cat([pixels.float(), like.alpha], dim=1)
    values = (both[0].permute(1, 2, 0).clamp(0, 1) * (2**depth - 1)).round().cpu().numpy()
    if depth == 16:
        encoded = deep.encode(path, values.astype(np.uint16), like.extras.get("icc_profile"))
    else:
        options: dict[str, Any] = dict(like.extras)
        if suffix in (".jpg", ".jpeg"):
            options |= {"quality": 95, "subsampling": 0}
        elif suffix == ".webp":
            options |= {"lossless": True}
        stream = io.BytesIO()
        Image.fromarray(values.astype(np.uint8)).save(stream, FORMATS[suffix], **options)
        encoded = stream.getvalue()
    with replacing(path) as temporary:
        temporary.write_bytes(encoded)


def _decode(path: Path, sides: tuple[int, int] | None) -> tuple[np.ndarray, int, dict[str, Any]]:
    """H W C of uint8 or uint16, upright; the depth; extras to keep."""
    if not path.exists():
        raise InputError(f"no such picture: {path}")
    if not path.is_file():
        raise InputError(f"not a picture that can be read: {path} is {'a folder' if path.is_dir() else 'no file'}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                if sides is not None and not sides[0] <= min(file.size) <= max(file.size) <= sides[1]:
                    width, height = file.size
                    raise InputError(f"{path} has {width} x {height} px; wanted {sides[0]} to {sides[1]} px a side")
                return _pixels(path, file)
    except UnidentifiedImageError:
        raise InputError(f"not a picture that can be read: {path}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"refused to decode {path}: {error}") from None
    except InputError:
        raise
    except Exception as error:  # decoders raise anything at all on a broken file
        raise InputError(f"cannot read the picture {path}: {error or type(error).__name__}") from None


def _pixels(path: Path, file: Image.Image) -> tuple[np.ndarray, int, dict[str, Any]]:
    if getattr(file, "n_frames", 1) > 1:
        raise InputError(f"{path} holds {getattr(file, 'n_frames', 1)} frames; give one picture a file")
    extras = _profile(file)
    orientation = file.getexif().get(0x0112, 1)
    if file.mode == "F":
        raise InputError(f"{path} holds floating point numbers; give 8 or 16 bits a channel")
    if deep.bits(path, file) == 16:
        values = deep.grey(path, file) if file.mode.startswith("I") else deep.decode(path)
        return _turn(values, orientation), 16, extras
    file.load()
    upright = ImageOps.exif_transpose(file)
    exif = upright.getexif()
    if len(exif):
        extras["exif"] = exif.tobytes()
    see_through = upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info
    mode = "RGBA" if see_through else "RGB"
    return np.asarray(upright.convert(mode)), 8, extras


def _profile(file: Image.Image) -> dict[str, Any]:
    """The colour profile where it describes RGB, which is what a picture of any other kind becomes."""
    profile = file.info.get("icc_profile") or b""
    stays = file.mode not in ("CMYK", "LAB", "YCbCr") and profile[16:20] == b"RGB "
    return {"icc_profile": profile} if stays else {}


def _turn(values: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1..8) to H W C."""
    if orientation in (2, 4, 5, 7):
        values = values[:, ::-1]
    quarter_turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(values, quarter_turns))
