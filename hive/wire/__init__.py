"""What crosses a boundary: attrs classes and their codec; no I/O and no trio."""
