"""Where composites come from: photographs, regions, colour moves, and iHarmony4."""
