"""The language of the search: words, "phrases", prefix* and filters, read into what sqlite takes.

Pure. Whatever a person types becomes either a query that sqlite's full text search takes as it is,
or a `BadRequest` that names the mend. A term that such an index cannot find in the middle of a run
of letters, as in Chinese or Thai, and one without any letter, is looked for as it stands.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import attrs

from hive.errors import BadRequest

QUERY_MOST = 400
"""Characters of a query."""
TERMS_MOST = 16
MESSAGE, EVENT, TURN = "message", "event", "turn"
KINDS = (MESSAGE, EVENT, TURN)
FILTERS = ("from", "to", "in", "agent", "after", "before", "kind")
_SAME = {"thread": "in", "since": "after", "until": "before"}
_OF_MESSAGES = ("from", "to", "in")
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"([0-9]{1,6})([mhdw])")
_PIECE = re.compile(r'(?:([A-Za-z]+):)?"([^"]*)("?)(\*?)|(\S+)')
_KEYED = re.compile(r"([A-Za-z]+):(.*)", re.DOTALL)
_FORMS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
_NUMBER_MOST = 2**53
_UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x10FFFF))
"""Scripts that put no space between words, and what is newer than sqlite's tables of letters."""


@attrs.frozen
class Term:
    """Something that is looked for."""

    text: str
    is_prefix: bool = False

    @property
    def is_indexed(self) -> bool:
        """Whether the index finds it; else it is looked for as it stands."""
        return any(map(str.isalnum, self.text)) and not any(map(_is_unspaced, self.text))


@attrs.frozen
class Chip:
    """A filter as it was read, for people."""

    key: str
    """One of `FILTERS`."""
    value: str


@attrs.frozen
class Query:
    """What is looked for, and where."""

    terms: tuple[Term, ...] = ()
    chips: tuple[Chip, ...] = ()
    sender: str | None = None
    recipient: str | None = None
    thread: int | None = None
    """A message; every one of its thread is meant."""
    agent: str | None = None
    after: float | None = None
    """Unix seconds."""
    before: float | None = None
    """Unix seconds, not included."""
    kinds: tuple[str, ...] = KINDS

    @property
    def match(self) -> str | None:
        """What sqlite's full text search takes; None when the index has nothing to look for."""
        found = [_quoted(term) for term in self.terms if term.is_indexed]
        return " AND ".join(found) or None

    @property
    def parts(self) -> tuple[str, ...]:
        """What is to stand in a text as it is written here."""
        return tuple(term.text for term in self.terms if not term.is_indexed)

    @property
    def plain_words(self) -> tuple[str, ...]:
        """Words, in small letters, without all of which a text of plain ASCII is none of these."""
        words = (
            re.split(r"[^0-9a-z]+", term.text.lower()) for term in self.terms if _is_plain(term)
        )
        return tuple(sorted({word for some in words for word in some if word}))


def parse(text: str, now: float) -> Query:
    """Read what somebody typed; raises `BadRequest` with the mend."""
    if len(text) > QUERY_MOST:
        raise BadRequest(f"a search is at most {QUERY_MOST} characters: leave some words out")
    terms: list[Term] = []
    chips: list[Chip] = []
    for match in _PIECE.finditer(_cleaned(text)):
        key, phrase, end, star, word = match.groups()
        if phrase is None:
            _add_word(word, terms, chips)
            continue
        if not end:
            raise BadRequest(
                'a phrase has no end: put a " behind it, or leave out the one before it'
            )
        if (named := _filter(key)) is not None:
            chips.append(Chip(named, phrase.strip()))
        else:
            whole = phrase if key is None else f"{key}:{phrase}"
            _add_term(Term(whole.strip(), bool(star)), terms)
    if not terms and not chips:
        raise BadRequest("nothing is looked for: write a word, or a filter such as from:operator")
    if len(terms) > TERMS_MOST:
        raise BadRequest(f"a search is at most {TERMS_MOST} words and phrases: leave some out")
    return _build(tuple(terms), tuple(chips), now)


def moment(value: str, now: float, key: str) -> float:
    """Return a time in Unix seconds, given as a date, a date with a time, or an age."""
    if (age := _AGE.fullmatch(value)) is not None:
        return now - int(age[1]) * _UNITS[age[2]]
    for form in _FORMS:
        try:
            return datetime.strptime(value.removesuffix("Z"), form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    raise BadRequest(
        f"{key}:{value} is no time: write a day as 2026-01-31, a time (UTC) as 2026-01-31T16:30,"
        " or how long ago as 90m, 12h, 7d or 2w"
    )


def _cleaned(text: str) -> str:
    """Return the text without what no text of ours holds: control characters, half characters."""
    return "".join(
        " " if ord(each) < 0x20 or ord(each) == 0x7F or 0xD800 <= ord(each) < 0xE000 else each
        for each in text
    )


def _filter(key: str | None) -> str | None:
    """Return the filter of that name; a word with a colon that is none is a word."""
    known = (key or "").lower()
    known = _SAME.get(known, known)
    return known if known in FILTERS else None


def _add_word(word: str, terms: list[Term], chips: list[Chip]) -> None:
    keyed = _KEYED.fullmatch(word)
    key = None if keyed is None else _filter(keyed[1])
    if keyed is not None and key is not None:
        chips.append(Chip(key, keyed[2]))
    else:
        bare = word.rstrip("*")
        _add_term(Term(bare or word, bare not in {"", word}), terms)


def _add_term(term: Term, terms: list[Term]) -> None:
    if term.text and term not in terms:
        terms.append(term)


def _build(terms: tuple[Term, ...], chips: tuple[Chip, ...], now: float) -> Query:
    values: dict[str, str] = {}
    kinds: list[str] = []
    for chip in chips:
        if not chip.value:
            raise BadRequest(f"{chip.key}: has no value: {_example(chip.key)}")
        if chip.key == "kind":
            kinds += _kinds(chip.value)
        elif chip.key in values:
            raise BadRequest(f"{chip.key}: is given twice: leave one of them out")
        else:
            values[chip.key] = chip.value
    of_messages = [f"{key}:" for key in _OF_MESSAGES if key in values]
    if of_messages and any(kind != MESSAGE for kind in kinds):
        raise BadRequest(
            f"{' and '.join(of_messages)} can only be said of messages: leave it out, or kind:"
        )
    wanted = (MESSAGE,) if of_messages else tuple(kind for kind in KINDS if kind in kinds) or KINDS
    after, before = (
        moment(values[key], now, key) if key in values else None for key in ("after", "before")
    )
    return Query(
        terms,
        chips,
        sender=_name(values.get("from")),
        recipient=_name(values.get("to")),
        thread=_number(values.get("in")),
        agent=_name(values.get("agent")),
        after=after,
        before=before,
        kinds=wanted,
    )


def _example(key: str) -> str:
    examples = {
        "in": "in:42",
        "after": "after:7d",
        "before": "before:2026-01-31",
        "kind": "kind:event",
    }
    return f"write it as in {examples.get(key, f'{key}:alice')}"


def _kinds(value: str) -> list[str]:
    found = [each.strip().lower().removesuffix("s") for each in value.split(",")]
    for kind in found:
        if kind not in KINDS:
            raise BadRequest(f"kind:{value} is no kind: write kind:{', kind:'.join(KINDS)}")
    return found


def _name(value: str | None) -> str | None:
    return None if value is None else value.lstrip("@")


def _number(value: str | None) -> int | None:
    if value is None:
        return None
    digits = value.lstrip("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):
        raise BadRequest(f"in:{value} is no message: write the number of one, as in in:42")
    return min(int(digits), _NUMBER_MOST)


def _quoted(term: Term) -> str:
    """Return a term as a string of the full text search: in it, nothing but `"` means anything."""
    text = term.text.replace('"', '""')
    return f'"{text}"{" *" if term.is_prefix else ""}'


def _is_plain(term: Term) -> bool:
    return term.is_indexed and term.text.isascii()


def _is_unspaced(character: str) -> bool:
    # Beyond the first planes of letters nothing is sure to be one for sqlite.
    return character.isalnum() and any(first <= ord(character) <= last for first, last in _UNSPACED)
