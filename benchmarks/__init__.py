"""Benchmarks of fastrcf beside its peers: ``speed/`` for pytest, ``report`` for the table."""
