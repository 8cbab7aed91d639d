"""Stand-ins for what hive talks to, used by tests and benches."""
