"""Picture files: one way in and one way out for the shell, for measuring and for training; folders of them too."""
