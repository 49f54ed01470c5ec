"""The posts: made from a seed, alike every time."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

SEED = 20270131
PARTS = 50
"""How many parts a series has."""
BODY_BYTES = 5000
"""A post's text ends with the section that reaches this; most come to about 6,000."""

_FIRST_DAY = date(2010, 1, 1)

_SUBJECTS = (
    "a short night", "the first week", "an honest diary", "a walk before breakfast",
    "the second appointment", "a quiet room", "the family", "an old habit", "the waiting list",
    "a careful question", "the afternoon", "one good friend", "the morning light", "a small dose",
    "the letter from the clinic", "a long conversation", "the garden", "an early train",
)  # fmt: skip
_VERBS = (
    "changes", "softens", "delays", "explains", "interrupts", "supports", "follows", "repeats",
    "outlasts", "steadies", "complicates", "answers", "hides", "improves", "reveals", "shortens",
)  # fmt: skip
_OBJECTS = (
    "the plan for the day", "a worry that returns", "what people remember", "the next decision",
    "the evening routine", "a difficult month", "the sense of time", "a promise made earlier",
    "the need for certainty", "the list of reasons", "an appetite for company", "the mood at noon",
    "the wish to sleep", "a habit of hurry", "the trust between two people", "the slow recovery",
)  # fmt: skip
_CIRCUMSTANCES = (
    "without anyone noticing", "after a few days", "in most studies", "for reasons nobody chose",
    "when the house is still", "more often than expected", "at the end of the month",
    "as long as the doors stay open", "in about one case of four", "before the summer begins",
    "whatever the calendar says", "although the evidence is thin", "and then again in the spring",
)  # fmt: skip
_LINKS = (", and ", ", but ", ", while ", "; ", ", because ", ", so that ")
_TAGS = (
    "sleep", "worry", "habits", "family", "medicine", "exercise", "food", "work", "school", "grief",
    "memory", "attention", "friendship", "pain", "therapy", "first steps", "light", "travel",
)  # fmt: skip


def name_series(number: int) -> tuple[str, str]:
    """Return the folder and the title of a series, counted from nought."""
    return f"series-{number + 1:03}", f"Letters, volume {number + 1}"


def make_post(index: int) -> tuple[str, str]:
    """Return the file and the text of one post; the same index gives the same text."""
    words = Random(f"{SEED}-{index}")  # noqa: S311 - repeatable on purpose
    part = index % PARTS + 1
    subject = words.choice(_SUBJECTS)
    slug = f"{subject.replace(' ', '-')}-{index + 1}"
    front = (
        f'title: "{_capital(subject)} {words.choice(_VERBS)} {words.choice(_OBJECTS)}"\n'
        f"date: {_FIRST_DAY + timedelta(days=index)}\n"
        f'summary: "{_sentence(words)}"\n'
        f"tags: [{', '.join(words.sample(_TAGS, 3))}]\n"
        f"part: {part}\n"
    )
    file = f"{name_series(index // PARTS)[0]}/{part:02}-{slug}.md"
    return file, f"---\n{front}---\n\n{_body(words, index)}"


# -------------------------------------------------------------------------------------- the text


def _body(words: Random, index: int) -> str:
    """Return headings, paragraphs and lists, a table in every fourth post, a note in every third."""
    blocks = [_paragraph(words), _paragraph(words)]
    length = sum(map(len, blocks))
    section = 0
    while length < BODY_BYTES:
        added = _section(words, section, with_table=index % 4 == 0 and section == 1)
        blocks += added
        length += sum(map(len, added))
        section += 1
    if index % 3 == 0:
        blocks[0] += "[^source]"
        blocks.append(f"[^source]: {_sentence(words)} [The report]({_address(words)}).")
    return "\n\n".join(blocks) + "\n"


def _section(words: Random, number: int, *, with_table: bool) -> list[str]:
    blocks = [f"## {_capital(words.choice(_OBJECTS))}", _paragraph(words)]
    if with_table:
        blocks.append(_table(words))
    if number % 2 == 0:
        blocks.append(_list(words, ordered=number % 4 == 0))
    else:
        blocks += [f"### {_capital(words.choice(_SUBJECTS))}", f"> {_sentence(words)}"]
    return [*blocks, _paragraph(words)]


def _paragraph(words: Random) -> str:
    sentences = [_sentence(words) for _ in range(words.randint(3, 5))]
    emphasis = (
        f"Here *{words.choice(_OBJECTS)}* matters, and **{words.choice(_SUBJECTS)}** does not.",
        f"There is [a longer account]({_address(words)}) of {words.choice(_OBJECTS)}.",
        f"Some call it `{words.choice(_TAGS)}`.",
    )
    return " ".join([*sentences, words.choice(emphasis)])


def _list(words: Random, *, ordered: bool) -> str:
    lines = [f"**{_capital(words.choice(_SUBJECTS))}.** {_sentence(words)}" for _ in range(4)]
    return "\n".join(
        f"{f'{turn}.' if ordered else '-'} {line}" for turn, line in enumerate(lines, 1)
    )


def _table(words: Random) -> str:
    rows = [
        f"| {words.choice(_SUBJECTS)} | {words.choice(_CIRCUMSTANCES)} | {words.randint(1, 99)} |"
        for _ in range(5)
    ]
    return "\n".join(["| what | when | of a hundred |", "| --- | --- | ---: |", *rows])


def _sentence(words: Random) -> str:
    clauses = [
        f"{words.choice(_SUBJECTS)} {words.choice(_VERBS)} {words.choice(_OBJECTS)}"
        for _ in range(words.randint(1, 2))
    ]
    return f"{_capital(words.choice(_LINKS).join(clauses))} {words.choice(_CIRCUMSTANCES)}."


def _address(words: Random) -> str:
    return f"https://example.org/reports/{words.randint(1000, 9999)}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
