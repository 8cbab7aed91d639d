"""All SQL: one table family per file, over the one door to sqlite in `database`."""
