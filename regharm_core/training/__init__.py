"""From photographs to weights: composites on the fly, the loss, the loop, the measurements."""
