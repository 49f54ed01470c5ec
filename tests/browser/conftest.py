"""The sample site with a few hard posts beside its own, in the machine's Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pictures import served_sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pictures import Sample

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
ADDRESS = "https://www.example.org/" + "a-very-long-address-without-an-end/" * 4
WIDE = f"""\
---
title: "{LONG} and other words that do not fit"
date: 2026-11-02
updated: 2026-11-09
correction: "The dose in the table was wrong: it is 50 mg."
authors:
  - {{name: "Ann Lee", credentials: "MD", url: "https://ann.example"}}
  - {{name: "Bo Chen", credentials: "PhD, PMHNP-BC"}}
part: 60
tags: ["a subject with a name of more than a few words", {LONG.lower()}, sleep]
warnings: ["It speaks of suicide.", "It has tables."]
references:
  one: {{text: "A study with an address that is long.", url: "{ADDRESS}"}}
---

A word that is long: {LONG}. An address: <{ADDRESS}>. Cited once [@one] and twice [@one], and
remarked upon.[^1]

## A table

| Drug | Dose | When | Why | What to look out for | Source |
| --- | ---: | :---: | --- | --- | --- |
| Sertraline | 50 mg | morning | depression | nausea, sleeplessness, restlessness | label |
| {LONG} | 1,000 mg | at night | sleep | everything | none |

### Code, below its table

```
a line of code that is far too long for the page it stands on, and that must scroll in a box of its own
```

> A quotation, with `code_that_has_no_place_to_break_because_it_is_one_name_only_and_a_long_one` in it.

1. One
   - One a
     - One a one
2. Two

[^1]: A remark, with a [link]({ADDRESS}).
"""
POSTS = {
    "long-series/series.toml": (
        f'title = "A long series on {LONG}"\nplanned_parts = 120\nstatus = "ongoing"\n'
    ),
    "long-series/01-first.md": "---\ntitle: First\ndate: 2026-09-03\n---\n\nIt begins here.\n",
    "long-series/60-wide.md": WIDE,
    "taken-back.md": (
        '---\ntitle: Taken back\ndate: 2026-09-04\nwithdrawn: "2026-11-10 The trial was'
        ' retracted."\n---\n\nNo longer.\n'
    ),
}
"""What the sample has not: words, tables and code that are too wide, a series of 120, a 410."""


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """The site, built at its two slots and served on loopback."""
    with served_sample(tmp_path_factory.mktemp("sample"), POSTS) as one:
        yield one
