"""Names that are none: ways out of a directory, options, controls, look-alikes, too much."""

from __future__ import annotations

NAMES = (
    "",
    ".",
    "..",
    "...",
    "~",
    "-",
    "-x",
    "--help",
    "--purge",
    "a/b",
    "a/",
    "/a",
    "../bob",
    "bob/..",
    "bob/../manager",
    "/etc/passwd",
    "a\\b",
    "bob\n",
    "\nbob",
    "bo\nb",
    "bob\r",
    "bob\t",
    " bob",
    "bob ",
    "bo b",
    "bob\x00",
    "bob\x1b[2J",
    "bob\x7f",
    "Bob",
    "BOB",
    "MANAGER",
    "Manager",
    "bob-",
    "1bob",
    "_bob",
    "bo_b",
    "bob.",
    "bob.git",
    ".git",
    "bob@host",
    "bob:ro",
    "bob;id",
    "$(id)",
    "`id`",
    "bob|id",
    "{bob}",
    "bob%2f..",
    "%2e%2e",
    "bob?x=1",
    "bob#x",
    "abcdefghij",
    "x" * 5000,
    "b\u043eb",  # a Cyrillic o
    "\uff42ob",  # a full-width b
    "b\u03bfb",  # a Greek omicron
    "bo\u0431",
    "bob\u200b",  # a space of no width
    "\u202ebob",  # the rest from right to left
    "b\u00f6b",
    "bo\u0308b",
    "\u2024\u2024",  # two dots that are none
    "a\u2215b",  # a slash that is none
    "b\u0660",  # a digit of another script
    "\U0001d41bob",  # a mathematical b
)
RESERVED = ("operator", "system", "reminder", "all", "*")
"""Words for others than agents; some are recipients."""

FEW = ("", "..", "-x", "a/b", "bob\n", "bob\x00", "bob\x1b[2J", "b\u043eb", "x" * 5000)
"""One of each sort."""
