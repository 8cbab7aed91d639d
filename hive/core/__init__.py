"""The hive's mind: decides; starts no task and knows no HTTP."""
