"""The ComfyUI side: convert, call the core, convert back."""
