"""The machine: only here are host programs and host files touched."""
