"""Where the foreground looks, as a picture (the paper's Fig. 5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import InputError
from ..network.attention import Attention
from ..network.face import Harmonizer
from ..network.layers import cell_maximum
from .inputs import check_inputs
from .light import SRGB, is_linear
from .rims import rim_for
from .small import shrink_mask
from .subjects import DEFAULT_CONTEXT, subjects_of
from .view import look, usable_composites


@torch.inference_mode()
def attention_map(
    model: Harmonizer,
    image: Tensor,
    mask: Tensor,
    *,
    query_mask: Tensor | None = None,
    reference_mask: Tensor | None = None,
    layer: str | None = None,
    context: float | None = DEFAULT_CONTEXT,
    encoding: str = SRGB,
) -> Tensor:
    """How much each place of the background contributed to the foreground.

    Args:
        model: from :func:`regharm_core.load_harmonizer`.
        image: B 3 H W, as for :func:`regharm_core.harmonize`.
        mask: B 1 H W, 1 = foreground.
        query_mask: B 1 H W, the part of the foreground that is asked about; all where None.
        reference_mask: B 1 H W, the background that may be consulted; all where None.
        layer: "ptl", "ltl16", "ltl32", "ltl64", or "ltl" for the network's first LTL; None for its finest: PTL where
            it has one, else its last LTL.
        context, encoding: as for :func:`regharm_core.harmonize`; what the network was not shown stays 0.

    Returns:
        B 1 H W in [0, 1], the largest value of each picture 1; zero inside the foreground, and
        everywhere where the question has no answer (no query, no background).

    Raises:
        InputError: on inputs that do not fit, or a layer that the network does not have.
    """
    linear = is_linear(encoding)
    image, mask, reference_mask = check_inputs(image, mask, reference_mask)
    if query_mask is not None:
        _, query_mask, _ = check_inputs(image, query_mask, None, called="query_mask")
    parameter = next(model.parameters())
    heats: list[Tensor] = []
    for n in range(image.shape[0]):
        one = slice(n, n + 1)
        allowed = None if reference_mask is None else reference_mask[one]
        (subject,) = subjects_of(0, mask[n], None if allowed is None else allowed[0], context, model.config)
        rim = rim_for(model, image[one], mask[one], allowed, [subject], linear=linear)
        subject = subject.second  # it sees more
        box = subject.box
        guide, weight, allowed = look(model, image[one], mask[one], allowed, [subject], linear=linear)
        found = model(
            guide.to(parameter.dtype),
            weight.to(parameter.dtype),
            reference=None if allowed is None else allowed.to(parameter.dtype),
            return_attention=True,
            **rim,
        ).attention
        attention = found[_layer_name(found, layer)]
        query = None
        if query_mask is not None:
            asked = shrink_mask(box.of(query_mask[one]), (model.config.view, model.config.view))
            query = cell_maximum(asked, attention.feature_size).to(parameter.device)
        heat = spread(attention, query) * usable_composites(weight, allowed)
        seen = F.interpolate(heat, box.size, mode="bilinear", align_corners=False).to(mask)
        heat = torch.zeros_like(mask[one])
        box.of(heat)[:] = seen * (1 - box.of(mask[one]))
        heats.append(heat / heat.amax((2, 3), keepdim=True).clamp_min(1e-12))
    return torch.cat(heats) if heats else mask.clone()


def spread(attention: Attention, query: Tensor | None) -> Tensor:
    """For each cell, the mean contribution of the references that cover it and may be consulted: B 1 rows columns.

    If all references contribute alike the map is flat, also at the picture's border and along the mask.
    """
    contribution = attention.contribution(query)[:, None]  # B 1 r c
    usable = rearrange(attention.allowed.to(contribution.dtype), "b (r c) -> b 1 r c", r=attention.key_grid[0])
    kernel = contribution.new_ones(1, 1, attention.key_span, attention.key_span)
    total, count = (F.conv_transpose2d(part, kernel) for part in (contribution, usable))
    return total / count.clamp_min(1) * attention.cells


def _layer_name(found: dict[str, Attention], layer: str | None) -> str:
    if layer is None:
        layer = "ptl" if "ptl" in found or not found else list(found)[-1]
    if layer == "ltl":
        layer = next((name for name in found if name.startswith("ltl")), layer)
    if layer not in found:
        raise InputError(f"this network has no attention layer {layer!r}; it has {sorted(found)}")
    return layer
