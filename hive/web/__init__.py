"""The pages: HTTP on Trio, the dashboard, the agents' pages and their assets."""
