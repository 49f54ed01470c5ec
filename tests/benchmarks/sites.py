"""The same posts as four sites: each program's own templates around one set of texts."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.generate import PARTS, make_post, name_series
from tests.benchmarks.programs import ELEVENTY, HUGO, PELICAN, PUBLISHER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.benchmarks.programs import Program

HERE = Path(__file__).parent
_CONFIG = """\
[site]
name = "Benchmark Letters"
id = "0d3f6a52-6c1e-4b7a-9f0e-5a1c2b3d4e5f"
notice = "General information, not medical advice."
"""
_KEY = re.compile(r"^(\w+): (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """One set of posts as a site of each program, and the post that changes."""

    posts: int
    markdown_bytes: int
    folders: dict[str, Path]
    """By the program's name."""
    changing: str
    """The file of the post that changes, below the folder of posts."""

    def texts(self, program: Program) -> Path:
        """Return the folder of posts of a program's site."""
        return self.folders[program.name] / program.texts

    def change_post(self, programs: Iterable[Program], turn: int) -> None:
        """Append a sentence to the same post of these sites."""
        for program in programs:
            with (self.texts(program) / self.changing).open("a", encoding="utf-8") as text:
                text.write(f"\nA sentence was added in turn {turn}.\n")


def write_sites(folder: Path, posts: int, programs: Iterable[Program]) -> Sites:
    """Write ``posts`` posts below the folder, once for each program."""
    chosen = list(programs)
    folders = {program.name: folder / program.name.lower() for program in chosen}
    for program in chosen:
        _begin(program, folders[program.name])
    total, middle = 0, ""
    for index in range(posts):
        file, text = make_post(index)
        for program in chosen:
            texts = folders[program.name] / program.texts
            if index % PARTS == 0:
                _write_series(program, texts, index // PARTS)
            (texts / file).write_text(_as_pelican(text) if program is PELICAN else text, "utf-8")
        total += len(text.encode())
        middle = file if index == posts // 2 else middle
    return Sites(posts=posts, markdown_bytes=total, folders=folders, changing=middle)


def _begin(program: Program, site: Path) -> None:
    """Write what a site has beside its posts."""
    if program is PUBLISHER:
        site.mkdir()
        (site / "config.toml").write_text(_CONFIG, "utf-8")
        return
    shutil.copytree(HERE / f"{program.name.lower()}_site", site)
    (site / program.texts).mkdir(exist_ok=True)
    if program is HUGO:
        archive = '---\ntitle: "Archive"\nlayout: archive\n---\n'
        (site / program.texts / "archive.md").write_text(archive)


def _write_series(program: Program, texts: Path, number: int) -> None:
    slug, title = name_series(number)
    folder = texts / slug
    folder.mkdir(parents=True)
    if program is PUBLISHER:
        (folder / "series.toml").write_text(f'title = "{title}"\n')
    elif program is HUGO:
        (folder / "_index.md").write_text(f'---\ntitle: "{title}"\n---\n')
    elif program is ELEVENTY:
        said = {"layout": "post.njk", "series": slug, "seriesTitle": title}
        (folder / f"{slug}.11tydata.json").write_text(json.dumps(said))
    # Pelican's configuration names the series after its folder.


def _as_pelican(text: str) -> str:
    """Return the post with its front matter as Pelican reads it: no quotation marks, no brackets."""
    _, front, body = text.split("---\n", 2)
    plain = _KEY.sub(lambda line: f"{line[1]}: " + line[2].strip('"[]'), front)
    return f"---\n{plain}---\n{body}"
