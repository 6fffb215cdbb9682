"""Image harmonization by matching regional references: network, weights, one public call."""

from .errors import CheckpointError, ConfigError, InputError, RegHarmError
from .network.build import build_network, parameter_count
from .network.config import HarmonizerConfig
from .network.face import Harmonizer
from .network.unet import HarmonizerNet
from .picture.correction import Correction, apply_correction
from .picture.heatmap import attention_map
from .picture.painted import overlay
from .pipeline import Clip, harmonize, load_harmonizer
from .store.checkpoint import read_info, save_checkpoint

__all__ = [
    "CheckpointError",
    "Clip",
    "ConfigError",
    "Harmonizer",
    "Correction",
    "HarmonizerConfig",
    "HarmonizerNet",
    "InputError",
    "RegHarmError",
    "apply_correction",
    "attention_map",
    "build_network",
    "harmonize",
    "load_harmonizer",
    "overlay",
    "parameter_count",
    "read_info",
    "save_checkpoint",
]
