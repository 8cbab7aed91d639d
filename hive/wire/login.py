"""A login of claude as it travels: where its link may lead, and the word for its good end.

Standard library only: the command line reads it too.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HOSTS = frozenset({"claude.ai", "claude.com", "platform.claude.com", "console.anthropic.com"})
"""Where a link may lead; another one is shown as the text it is."""
IS_DONE = "it is done"
"""How a login ended that ended well."""
_URL = re.compile(r"https://[!-~]+")


def link_in(text: str) -> str | None:
    """Return the link of a line, None when there is none that leads to claude's own pages."""
    for found in _URL.findall(text):
        try:
            parts = urlsplit(found)
            is_plain = parts.netloc == parts.hostname
        except ValueError:
            continue
        if is_plain and parts.hostname in HOSTS:
            return str(found)
    return None
