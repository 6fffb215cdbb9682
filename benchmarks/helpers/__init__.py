"""What several benchmarks need. A helper imports no other module of the benchmarks."""
