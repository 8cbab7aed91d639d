"""Supervised tasks: one task per file, each with one public coroutine `run`."""
