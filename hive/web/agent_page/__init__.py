"""The page of one agent, served by its harness."""
