"""The benchmarks: hive's figures, each beside a bar or beside something measured in the same run."""
