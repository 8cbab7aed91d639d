"""An icon and links are what a page can show harmlessly, and what is refused says the mend."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import BadRequest
from hive.host import agent_files
from hive.host.agent_looks import ICON_CLUSTERS, ICON_SIGNS, LABEL_SIGNS, LINKS, clusters
from hive.wire.agent_config import AgentConfig, Link

ICONS = ["🌦", "🌦️", "👨‍👩‍👧‍👦", "👍🏽", "🇩🇪", "🇩🇪🇫🇷", "é", "ab", "#", "א", "👩‍❤️‍💋‍👨"]
URLS = [
    "https://a.example/x?y=1#z",
    "http://127.0.0.1:8080/",
    "HTTPS://a.example",
    "https://[::1]:9/",
    "stats",
    "stats?window=1h",
    "a/b.html",
]


def parsed(icon: str = "", *links: tuple[str, str]) -> AgentConfig:
    """Return what is read of a file that says so."""
    text = f"icon = {json.dumps(icon, ensure_ascii=False)}\n"
    for label, url in links:
        text += "[[links]]\n"
        text += f"label = {json.dumps(label, ensure_ascii=False)}\n"
        text += f"url = {json.dumps(url, ensure_ascii=False)}\n"
    return agent_files.parse(text.replace("\x7f", "\\u007f").encode())


@pytest.mark.parametrize("icon", ICONS)
def test_an_emoji_or_two_letters_are_an_icon(icon: str) -> None:
    assert parsed(icon).icon == icon


@pytest.mark.parametrize(
    ("icon", "why"),
    [
        ("abc", "longer than 2 signs"),
        ("🇩🇪🇫🇷🇩🇪", "longer than 2 signs"),
        ("e" + "\u0301" * 8, "longer than 2 signs"),
        ("a b", "longer"),
        (" ", "cannot be seen"),
        ("\u0301", "cannot be seen"),
        ("a\u202e", "cannot be seen"),
        ("\u2066", "cannot be seen"),
        ("\n", "cannot be seen"),
        ("\u001b", "cannot be seen"),
        ("\u200d", "cannot be seen"),
        ("🌦\u200d", "cannot be seen"),
        ("\u3164", "cannot be seen"),
        ("\ue000", "cannot be seen"),
    ],
)
def test_no_other_text_is_an_icon(icon: str, why: str) -> None:
    with pytest.raises(BadRequest, match=f"line 1: icon .*{why}.*give one emoji"):
        parsed(icon)


@given(st.text(max_size=10).filter(lambda text: "\x00" not in text))
def test_an_icon_that_is_taken_is_short_and_seen(icon: str) -> None:
    try:
        parsed(icon)
    except BadRequest:
        return
    assert len(icon) <= ICON_SIGNS
    assert clusters(icon) <= ICON_CLUSTERS
    bad = {"Cc", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}
    assert not bad & {unicodedata.category(sign) for sign in icon}
    assert {sign for sign in icon if unicodedata.category(sign) == "Cf"} <= {"\u200d"}


@pytest.mark.parametrize("url", URLS)
def test_a_link_leads_to_the_web_or_below_the_agents_page(url: str) -> None:
    assert parsed("", ("docs", url)).links == (Link("docs", url),)


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:x", " javascript:x"),
        *("data:text/html,x", "file:///etc/passwd", "ftp://a.example/", "mailto:a@b.example"),
        *("//evil.example/", "/kill/bob", "..", "../x", "a/../b", "a//b", "%2e%2e/x", "a\\b"),
        *("https:", "https://", "https://:80/", "https://a.example:x/", "https://a.example:0/"),
        *("https://a.example\\@b.example/", "https://u:p@a.example/", "https://a b/", ""),
        *("https://[::1/", "https://a.example/\u202e", "https://ä.example/", "https://a\n.b/"),
        *("https://a%2eb/", "https://" + "a" * 1000),
    ],
)
def test_every_other_address_is_refused_with_its_line(url: str) -> None:
    with pytest.raises(BadRequest, match=r"line 7: links\.2\.url "):
        parsed("", ("turns", "stats"), ("docs", url))


@given(st.text(max_size=40).filter(lambda text: "\x00" not in text))
def test_an_address_that_is_taken_has_no_other_scheme(url: str) -> None:
    try:
        parsed("", ("docs", url))
    except BadRequest:
        return
    assert url.isascii()
    assert url.isprintable()
    scheme, colon, _ = url.partition(":")
    if colon and not set(scheme) & set("/?#"):
        assert scheme.lower() in {"http", "https"}
    assert not url.startswith("/")


@given(st.text(max_size=30).filter(lambda text: "\x00" not in text))
def test_a_label_that_is_taken_is_one_visible_line(label: str) -> None:
    try:
        parsed("", (label, "stats"))
    except BadRequest:
        return
    assert 0 < len(label) <= LABEL_SIGNS
    assert label.strip() == label
    assert label.replace("\u200d", "").isprintable()


@pytest.mark.parametrize("label", ["", " ", "a ", "x" * 25, "a\u202eb", "a\nb", "\u3164"])
def test_a_label_nobody_could_read_is_refused(label: str) -> None:
    with pytest.raises(BadRequest, match=r"line 3: links\.1\.label "):
        parsed("", (label, "stats"))


def test_there_are_at_most_eight_links_and_each_is_whole() -> None:
    assert len(parsed("", *[("docs", "stats")] * LINKS).links) == LINKS
    with pytest.raises(BadRequest, match="are 9: keep at most 8"):
        parsed("", *[("docs", "stats")] * 9)
    with pytest.raises(BadRequest, match="the field 'url' is missing"):
        agent_files.parse(b"[[links]]\nlabel = 'x'\n")
    with pytest.raises(BadRequest, match="unknown field 'icon'"):
        agent_files.parse(b"[[links]]\nlabel = 'x'\nurl = 'stats'\nicon = 'y'\n")


def test_a_name_in_braces_is_no_template() -> None:
    text = "https://a.example/{name}"
    assert parsed("", ("{name}", text)).links == (Link("{name}", text),)
