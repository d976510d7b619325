"""Speed, memory and agreement, each measured by one command: `python -m benchmarks.NAME`."""
