"""The clock and the threads: the only place that waits."""
