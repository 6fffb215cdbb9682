"""From a picture of any size to what the network sees, and back: boxes, masks, the view, colour maps, heat maps."""
