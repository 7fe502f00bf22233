"""What `make bench` measures. Each module has a `measure()`; `__main__` runs them all and writes docs/benchmarks.md."""
