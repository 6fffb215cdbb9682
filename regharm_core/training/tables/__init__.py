"""The paper's ablations (Tables 2 to 5) as data, trained on equal terms and held against the print."""
