"""The benchmarks: hive's figures beside bars, and beside others in the same run."""
