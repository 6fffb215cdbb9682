"""What the pack's nodes share in the graph: the socket type and the place in the menus."""

from __future__ import annotations

from comfy_api.latest import io

CATEGORY = "image/harmonize"

# Carries the host's model patcher around a regharm_core.Harmonizer.
Harmonizer = io.Custom("HARMONIZER_MODEL")

# Carries a list of regharm_core.picture.correction.Correction, one a picture.
Correction = io.Custom("HARMONIZER_CORRECTION")

# A status line comes with a cached result too, where the host knows how to send it again (ComfyUI 0.19 and later).
STATUS = (
    {"has_intermediate_output": True} if "has_intermediate_output" in vars(io.Schema)["__dataclass_fields__"] else {}
)
