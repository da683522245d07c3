"""The rows of the speed table as pytest-benchmark tests."""
