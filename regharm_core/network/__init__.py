"""The paper's network part by part, and what we add to it. Change a part together with its slow reference in tests."""
