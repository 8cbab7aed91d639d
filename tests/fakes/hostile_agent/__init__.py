"""A hostile agent: runs inside a sandbox, tries everything, and reports what came of it.

Standard library only: inside there is nothing else. `__main__` runs the list of `attempts`, which
is also what docs/attacks.md is made from.
"""
