"""The way out of a container: what is allowed, and the proxy that connects."""
