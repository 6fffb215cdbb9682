"""Regions for photographs that have none: a tar of ID.webp and ID.png for training, from folders of pictures.

usage: add_regions.py OUT.tar FOLDER [FOLDER ...] --learn TAR [TAR ...] [--side 192] [--quality 62]

A few layers on the eye's features learn where the object is from the photographs of --learn, which have masks (DUTS,
say: one object each); three minutes on two cores. What they find in the other photographs is fitted to the picture by
a guided filter (He et al., "Guided Image Filtering", TPAMI 2013), and its connected pieces become the regions. Where
nothing stands out a photograph gets no region, and training uses soft blobs. Grey, flat, very long and small pictures
are left out, and with --without those that look like a picture there (the pairs that are chosen on, say).
"""

from __future__ import annotations

import argparse
import io
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from regharm_core.network.eye import CHANNELS, EfficientNetLite0
from regharm_core.network.mapnet import MapNet
from regharm_core.picture.objects import connected
from regharm_core.store.checkpoint import load_network
from regharm_core.training.data.boxes import box_mean
from regharm_core.training.data.photographs import load_photographs

EYE = Path(__file__).parent.parent / "weights" / "regharm.safetensors"
SEEN, GRID = 192, 24  # px that the eye sees, and places a side at which it is asked
SMALLEST, LARGEST, MOST = 0.012, 0.65, 4  # a region's share of the picture; regions a picture
LEAST_SIDE, LONGEST = 190, 2.6  # px, and the ratio of the sides
LEAST_COLOUR, LEAST_CONTRAST = 3.0, 18.0  # 8-bit values
ALIKE = 5  # of 64 signs of differences: fewer that differ mean the same picture
KINDS = {".jpg", ".jpeg", ".png", ".webp"}


class Salience(nn.Module):
    """The eye's features B C GRID GRID -> how likely each place belongs to an object, as a logit, B 1 GRID GRID."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.mean, self.deviation = features.mean((0, 2, 3), keepdim=True), features.std((0, 2, 3), keepdim=True) + 1e-3
        self.here, self.whole = nn.Conv2d(sum(CHANNELS), 96, 1), nn.Linear(CHANNELS[-1], 96)
        self.around = nn.Conv2d(98, 96, 3, padding=1)
        self.wide = nn.Conv2d(96, 96, 3, padding=3, dilation=3)
        self.told = nn.Sequential(nn.Conv2d(96, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        features = (features - self.mean) / self.deviation
        whole = self.whole(features[:, -CHANNELS[-1] :].mean((2, 3)))
        ramp = torch.linspace(-1, 1, GRID).square()
        places = torch.stack([ramp.expand(GRID, GRID), ramp[:, None].expand(GRID, GRID)])
        inner = F.relu(self.here(features) + whole[:, :, None, None])
        inner = F.relu(self.around(torch.cat([inner, places.expand(len(inner), -1, -1, -1)], dim=1)))
        return self.told(F.relu(inner + self.wide(inner)))


def look(eye: EfficientNetLite0, pictures: Tensor) -> Tensor:
    """B 3 H W in [0, 1] -> the eye's features at GRID by GRID places, B C GRID GRID."""
    with torch.no_grad():
        seen = eye(F.interpolate(pictures, (SEEN, SEEN), mode="bilinear", antialias=True))
        return torch.cat([F.interpolate(part, (GRID, GRID), mode="bilinear", antialias=True) for part in seen], dim=1)


def learn(eye: EfficientNetLite0, paths: Sequence[Path], rounds: int = 4, batch: int = 24) -> Salience:
    """Learn from photographs with regions what belongs to any of them."""
    known = load_photographs(paths)
    features = torch.cat([look(eye, part.float() / 255).half() for part in known.images.split(32)])
    wanted = torch.cat(
        [F.interpolate((part > 0).float(), (GRID, GRID), mode="area") for part in known.labels.split(32)]
    )
    net = Salience(features[:500].float())
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.01)
    steps = rounds * -(-len(features) // batch)
    fall = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(rounds):
        for rows in torch.randperm(len(features)).split(batch):
            mirrored = torch.rand(()) < 0.5
            given, told = (part.flip(3) if mirrored else part for part in (features[rows].float(), wanted[rows]))
            loss = F.binary_cross_entropy_with_logits(net(given), told)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            fall.step()
    return net.eval()


def regions(likely: Tensor, picture: Tensor) -> Tensor:
    """Likelihoods 1 1 GRID GRID and a picture 1 3 H W in [0, 1] -> its regions, H W, numbered from 1, largest first."""
    size = (picture.shape[-2], picture.shape[-1])
    grey = picture.mean(1, keepdim=True)
    wide = F.interpolate(likely, size, mode="bilinear", align_corners=False)
    found = guided(wide, grey)[0, 0] > 0.5
    pieces = connected(found)
    names, areas = pieces[pieces > 0].unique(return_counts=True)
    answer = torch.zeros(size, dtype=torch.uint8)
    fair = (areas > SMALLEST * found.numel()) & (areas < LARGEST * found.numel())
    for number, name in enumerate(names[fair][areas[fair].argsort(descending=True)][:MOST].tolist(), 1):
        answer[pieces == name] = number
    return answer


def guided(values: Tensor, guide: Tensor, radius: int = 6, smooth: float = 1e-3) -> Tensor:
    """The guided filter: ``values`` as a local linear function of ``guide``, both B 1 H W."""

    def mean(part: Tensor) -> Tensor:
        return box_mean(part, radius, "replicate")

    about, level = mean(guide), mean(values)
    slope = (mean(guide * values) - about * level) / (mean(guide * guide) - about * about + smooth)
    return mean(slope) * guide + mean(level - slope * about)


def pictures(folders: Sequence[Path], side: int, unwanted: np.ndarray) -> Iterator[Image.Image]:
    """Usable pictures of the folders in random order, their short side reduced to ``side`` px."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in KINDS)
    for number in np.random.default_rng(0).permutation(len(files)).tolist():
        path = files[number]
        try:
            picture = Image.open(path)
            small = min(picture.size) < LEAST_SIDE or max(picture.size) > LONGEST * min(picture.size)
            picture = picture.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            sys.stderr.write(f"{path} cannot be read: {error}\n")
            continue
        ratio = side / min(picture.size)
        size = (max(side, round(picture.width * ratio)), max(side, round(picture.height * ratio)))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
        pixels = np.asarray(picture, np.float32)
        grey = np.abs(pixels - pixels.mean(2, keepdims=True)).mean() < LEAST_COLOUR or pixels.std() < LEAST_CONTRAST
        if not small and not grey and not ((signs(picture) != unwanted).sum(1) <= ALIKE).any():
            yield picture


def signs(picture: Image.Image) -> np.ndarray:
    """64 signs by which a picture is known again: whether each of 8 x 8 cells is lighter than its left neighbour."""
    cells = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), np.int16)
    return (cells[:, 1:] > cells[:, :-1]).reshape(-1)


def main() -> None:
    """Learn, look and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--learn", type=Path, nargs="+", required=True, help="photographs with masks")
    parser.add_argument("--without", type=Path, nargs="*", default=[], help="folders of pictures to stay away from")
    parser.add_argument("--side", type=int, default=192, help="px")
    parser.add_argument("--quality", type=int, default=62)
    given = parser.parse_args()
    torch.manual_seed(0)
    net, _ = load_network(EYE)
    if not isinstance(net, MapNet) or net.eye is None:
        raise SystemExit(f"{EYE} has no eye")
    salience = learn(net.eye, given.learn)
    held = [path for folder in given.without for path in sorted(folder.rglob("*")) if path.suffix.lower() in KINDS]
    unwanted = np.array([signs(Image.open(path)) for path in held]).reshape(-1, 64)
    with tarfile.open(given.out, "w") as archive, torch.no_grad():
        for number, picture in enumerate(pictures(given.folders, given.side, unwanted)):
            pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
            found = regions(salience(look(net.eye, pixels)).sigmoid(), pixels)
            files = {".webp": io.BytesIO(), ".png": io.BytesIO()}
            picture.save(files[".webp"], "WEBP", quality=given.quality)
            Image.fromarray(found.numpy()).save(files[".png"], "PNG")
            for suffix, file in files.items():
                member = tarfile.TarInfo(f"{number:06d}{suffix}")
                member.size = file.tell()
                file.seek(0)
                archive.addfile(member, file)


if __name__ == "__main__":
    main()
