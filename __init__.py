"""Regional Harmonizer, the ComfyUI node pack; imported late, so that tools may collect this file without a host."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """What ComfyUI calls to get the pack's nodes."""
    from .nodes.extension import RegHarmExtension

    return RegHarmExtension()
