"""A NixOS host below a directory: stand-ins for its programs, traps included."""
