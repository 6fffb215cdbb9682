"""Networks of the layout "maps" as after training: no part is at its initial zero, so that everything is to be seen."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from regharm_core import Harmonizer, HarmonizerConfig, HarmonizerNet
from regharm_core.network.eye import EfficientNetLite0, SameConv
from regharm_core.network.mapnet import MapNet
from regharm_core.network.rim import RimReader

SMALL: dict[str, Any] = {"layout": "maps", "stages": (4, 6, 8, 10), "view": 64}
EVERYTHING: dict[str, Any] = SMALL | {
    "stages": (4, 6, 8, 12),
    "eye": True,
    "blocks": 2,
    "overall": 16,
    "matching": "content",
    "doubt": True,
}

# Every combination that there is: name -> fields beside those of SMALL.
VARIANTS: dict[str, dict[str, Any]] = {
    f"{'eye' if eye else 'no eye'}, overall {overall}, {ltl}, {translation}": {
        "eye": eye,
        "overall": overall,
        "doubt": overall > 0,
        "ltl": () if ltl == "no ltl" else (32,),
        "matching": "content" if ltl == "content" else "features",
        "translation": translation,
    }
    for eye in (False, True)
    for overall in (0, 16)
    for ltl in ("no ltl", "ltl", *(["content"] if eye else []))
    for translation in ("none", "ptl")
}


def lively_eye(seed: int = 0) -> EfficientNetLite0:
    """An eye whose features keep about the size of what it sees, as a trained one's do."""
    random = torch.Generator().manual_seed(seed)
    eye = EfficientNetLite0()
    with torch.no_grad():
        for module in eye.modules():
            if isinstance(module, SameConv):
                gain = (2 / module.weight[0].numel()) ** 0.5
                module.weight.copy_(torch.randn(module.weight.shape, generator=random) * gain)
                module.bias.copy_(torch.randn(module.bias.shape, generator=random) * 0.1)
    return eye.requires_grad_(False)


def lively(seed: int = 0, **fields: Any) -> MapNet:
    """A network of :data:`SMALL` with these fields; its changes of colour are of about a tenth."""
    torch.manual_seed(seed)
    net = MapNet(HarmonizerConfig(**(SMALL | fields)))
    if net.eye is not None:
        net.eye.load_state_dict(lively_eye(seed).state_dict())
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.startswith("head"):
                parameter.normal_(std=0.02)
            elif name.startswith(("overall.maps", "overall.modulation", "ltl.fuse.2", "told.last")):
                parameter.normal_(std=0.1)
            elif name.endswith("gain"):
                parameter.normal_(std=0.1)
            elif name.startswith("blocks.") and name.endswith(("told.weight", "narrow.weight")):
                parameter.normal_(std=0.1)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.3, 2)  # pyright: ignore[reportOptionalMemberAccess]
                module.weight.data.uniform_(0.5, 1.5)
    return net.eval()


def strong(layout: str) -> Harmonizer:
    """A tiny network of layout "pixels" or "maps" that sees 64 px and changes pictures strongly."""
    if layout == "maps":
        return lively(**EVERYTHING | {"stages": SMALL["stages"], "blocks": 0}).requires_grad_(False)
    torch.manual_seed(0)
    net = HarmonizerNet(HarmonizerConfig(width=4, refine=(0, 0, 0, 0), view=64))
    nn.init.normal_(net.head.weight, std=0.3)
    return net.eval().requires_grad_(False)


def lively_reader(seed: int = 0) -> RimReader:
    """A rim reader in double precision whose every layer has a say."""
    random = torch.Generator().manual_seed(seed)
    reader = RimReader(8).double()
    with torch.no_grad():
        for parameter in reader.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random, dtype=torch.float64))
    return reader


def scene(height: int = 64, width: int = 64) -> tuple[Tensor, Tensor]:
    """Two pictures: a hard block and a soft corner."""
    random = torch.Generator().manual_seed(1)
    mask = torch.zeros(2, 1, height, width)
    mask[0, :, height // 4 : height // 2, width // 4 : width // 2] = 1
    mask[1, :, :9, :14] = 0.7
    small = torch.rand(2, 3, height // 8, width // 8, generator=random)
    image = nn.functional.interpolate(small, (height, width), mode="bilinear")
    return (image + 0.1 * torch.rand(2, 3, height, width, generator=random)) / 1.1, mask
