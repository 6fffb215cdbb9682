"""Picture files in and out: 8 and 16 bit, orientation, alpha and colour profile kept."""

from __future__ import annotations

import importlib
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
from ..files import replacing

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
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


def read_picture(path: Path) -> Picture:
    """Decode a picture, upright.

    Raises:
        InputError: when the file is missing, broken, no still picture, or needs a codec that is absent.
    """
    values, depth, extras = _decode(path)
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
    picture = read_picture(path)
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
    if picture.alpha is not None and path.suffix.lower() in (".jpg", ".jpeg"):
        raise InputError(f"cannot write {path}: the picture has an alpha channel, which JPEG cannot hold")


def write_picture(path: Path, pixels: Tensor, like: Picture) -> None:
    """Write 1 3 H W with the alpha, depth and extras of the picture it came from; whole or not at all.

    16 bits are kept in PNG and TIFF; JPEG and WebP hold 8. WebP is written lossless, JPEG at quality 95.
    """
    check_output(path, like)
    suffix = path.suffix.lower()
    depth = like.depth if suffix in WITH_16_BIT else 8
    both = pixels.float() if like.alpha is None else torch.cat([pixels.float(), like.alpha], dim=1)
    values = (both[0].permute(1, 2, 0).clamp(0, 1) * (2**depth - 1)).round().cpu().numpy()
    with replacing(path) as temporary:
        if depth == 16:
            swapped = values.astype(np.uint16)[..., [2, 1, 0, *range(3, values.shape[2])]]
            if not _opencv(path).imwrite(str(temporary), np.ascontiguousarray(swapped)):
                raise InputError(f"cannot write {path}: OpenCV refused")
            return
        options: dict[str, Any] = dict(like.extras)
        if suffix in (".jpg", ".jpeg"):
            options |= {"quality": 95, "subsampling": 0}
        elif suffix == ".webp":
            options |= {"lossless": True}
        Image.fromarray(values.astype(np.uint8)).save(temporary, **options)


def _decode(path: Path) -> tuple[np.ndarray, int, dict[str, Any]]:
    """H W C of uint8 or uint16, upright; the depth; extras to keep."""
    if path.is_dir() or not path.exists():
        raise InputError(f"no such picture: {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                return _pixels(path, file)
    except UnidentifiedImageError:
        raise InputError(f"not a picture that can be read: {path}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"refused to decode {path}: {error}") from None
    except InputError:
        raise
    except Exception as error:  # decoders raise anything at all on a broken file
        raise InputError(f"cannot read the picture {path}: {' '.join(str(error).split())}") from None


def _pixels(path: Path, file: Image.Image) -> tuple[np.ndarray, int, dict[str, Any]]:
    if getattr(file, "n_frames", 1) > 1:
        raise InputError(f"{path} holds {getattr(file, 'n_frames', 1)} frames; give one picture a file")
    keeps_colours = file.mode not in ("CMYK", "LAB", "YCbCr")  # those become RGB, which their profile does not describe
    extras = {"icc_profile": file.info["icc_profile"]} if keeps_colours and file.info.get("icc_profile") else {}
    orientation = file.getexif().get(0x0112, 1)
    if _depth(path, file) == 16:
        values = np.asarray(file).astype(np.uint16) if file.mode.startswith("I") else _decode_16_bit(path)
        return _turn(values if values.ndim == 3 else values[..., None], orientation), 16, {}
    file.load()
    upright = ImageOps.exif_transpose(file)
    exif = upright.getexif()
    if len(exif):
        extras["exif"] = exif.tobytes()
    see_through = upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info
    mode = "RGBA" if see_through else "RGB"
    return np.asarray(upright.convert(mode)), 8, extras


def _depth(path: Path, file: Image.Image) -> int:
    """Bits a channel: Pillow opens 16-bit colour as 8-bit, so the file itself is asked."""
    if file.mode.startswith("I"):
        return 16
    if file.format == "PNG":
        with path.open("rb") as raw:
            return 16 if raw.read(25)[24:] == b"\x10" else 8
    bits_per_sample: Any = getattr(file, "tag_v2", {}).get(258, (8,))
    return 16 if max(bits_per_sample if isinstance(bits_per_sample, tuple) else (bits_per_sample,)) == 16 else 8


def _decode_16_bit(path: Path) -> np.ndarray:
    opencv = _opencv(path)
    values = opencv.imdecode(np.fromfile(path, np.uint8), opencv.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16:
        raise InputError(f"cannot read the 16-bit picture {path}")
    return values[..., [2, 1, 0, *range(3, values.shape[2])]] if values.ndim == 3 else values


def _opencv(path: Path) -> Any:
    """OpenCV, which 16-bit colour needs (Pillow has no such mode): the extra "cli" of this project."""
    try:
        return importlib.import_module("cv2")
    except ImportError:
        raise InputError(f"{path} has 16 bits a channel; reading and writing it needs opencv-python-headless") from None


def _turn(values: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1..8) to H W C."""
    if orientation in (2, 4, 5, 7):
        values = values[:, ::-1]
    quarter_turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(values, quarter_turns))
