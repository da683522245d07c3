"""Published walkthroughs on public data: first as they were, then as they should have been."""
