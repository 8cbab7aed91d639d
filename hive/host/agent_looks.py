"""An agent's icon and links: short enough for every page, and leading to no script."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

from hive.host.toml_checks import Bad
from hive.wire.agent_config import AgentConfig

ICON_SIGNS = 8
"""Code points; the emoji of a family of four has seven."""
ICON_CLUSTERS = 2
LINKS = 8
LABEL_SIGNS = 24
URL_BYTES = 1000

_JOINER = "\u200d"
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that show nothing."""
_TONES = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)
_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
_REST = re.compile(r"(?:[?#][!#-\[\]-~]*)?")
_WEB = re.compile(r"https?://[!#-\[\]-~]+", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.?|[0-9A-Fa-f:.]+")
_MEND = (
    "is not one: give https://HOST/PATH, http://HOST/PATH, or a path below the agent's page such as"
    ' "stats"'
)


def check(config: AgentConfig) -> None:
    """Raise `Bad` for an icon or a link that a page would not show as it is meant."""
    _check_icon(config.icon)
    if len(config.links) > LINKS:
        raise Bad(("links",), f"are {len(config.links)}: keep at most {LINKS}")
    for number, link in enumerate(config.links, start=1):
        keys = ("links", str(number))
        _check_label((*keys, "label"), link.label)
        _check_url((*keys, "url"), link.url)


def clusters(text: str) -> int:
    """Return of how many signs for the eye a text is made, each with what is joined to it."""
    count = 0
    is_joined = is_half_flag = False
    for sign in text:
        is_flag = ord(sign) in _FLAGS
        is_added = sign == _JOINER or unicodedata.category(sign)[0] == "M" or ord(sign) in _TONES
        if not (is_added or is_joined or (is_flag and is_half_flag)) or count == 0:
            count += 1
            is_half_flag = is_flag
        else:
            is_half_flag = False
        is_joined = sign == _JOINER
    return count


def _check_icon(icon: str) -> None:
    if len(icon) > ICON_SIGNS or clusters(icon) > ICON_CLUSTERS:
        raise Bad(
            ("icon",),
            f"is longer than {ICON_CLUSTERS} signs: give one emoji, or a letter or two"
            f" (at most {ICON_SIGNS} code points)",
        )
    if not icon:
        return
    is_whole = icon[0] != _JOINER and icon[-1] != _JOINER and icon[0] not in _BLANKS
    if " " in icon or not is_whole or unicodedata.category(icon[0])[0] == "M" or not _shows(icon):
        raise Bad(("icon",), "holds what cannot be seen: give one emoji, or a letter or two")


def _check_label(keys: tuple[str, ...], label: str) -> None:
    if not 1 <= len(label) <= LABEL_SIGNS:
        raise Bad(keys, f"has {len(label)} letters: give 1 to {LABEL_SIGNS}")
    if label != label.strip() or not _shows(label) or set(label) <= _BLANKS:
        raise Bad(
            keys,
            "is one line without spaces at its ends: remove control characters and what cannot be"
            " seen",
        )


def _check_url(keys: tuple[str, ...], url: str) -> None:
    if len(url) > URL_BYTES:
        raise Bad(keys, f"is longer than {URL_BYTES} letters: shorten it")
    path = _PATH.match(url)
    if path is not None and _REST.fullmatch(url, path.end()):
        return
    if not _WEB.fullmatch(url):
        raise Bad(keys, _MEND)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Bad(keys, f"{_MEND} ({error})") from error
    if "@" in parts.netloc:
        raise Bad(keys, "must hold no user: everybody who sees the page reads it")
    if not _HOST.fullmatch(host) or port == 0:
        raise Bad(keys, _MEND)


def _shows(text: str) -> bool:
    return text.replace(_JOINER, "").isprintable()
