"""hive's tests."""
