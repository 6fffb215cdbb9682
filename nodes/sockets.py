"""What the pack's nodes share in the graph: the socket type and the place in the menus."""

from __future__ import annotations

from comfy_api.latest import io

CATEGORY = "image/harmonize"

# Carries the host's model patcher around a regharm_core.HarmonizerNet.
Harmonizer = io.Custom("HARMONIZER_MODEL")
