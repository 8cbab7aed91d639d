"""A real daemon process, real sandboxes, the real claude with a scripted API, or the stand-in."""
