"""The parts that `fastrcf.forest` is put together from."""
