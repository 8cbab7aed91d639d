"""hive: a self-hosted swarm of Claude Code agents, each in its own container."""

__version__ = "0.1.0+dev"
