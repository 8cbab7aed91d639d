"""The harness: runs inside a container and never imports core or host."""
