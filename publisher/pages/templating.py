"""The templates: found in a site's own folder before ours, compiled once, faults told by line."""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    select_autoescape,
)

from publisher.compiled import Compiled
from publisher.errors import ContentError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jinja2 import Template
    from markupsafe import Markup


class Templates:
    """Compiled templates of one folder below the template paths; the first path that has one wins.

    Raises ContentError with every template that is missing or cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        names: Iterable[str],
        compiled: Path | None = None,
    ) -> None:
        """Read them; ``compiled`` is a folder of our own for what each was compiled to."""
        self._paths = tuple(paths)
        self._loader = FileSystemLoader(self._paths)
        self._environment = Environment(
            loader=self._loader,
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=Compiled("pages", compiled),
        )
        self._templates: dict[str, Template] = {}
        self._sources: dict[str, str] = {}
        problems = []
        for name in names:
            try:
                self._sources[name] = self._read(name)
                self._templates[name] = self._environment.get_template(name)
            except TemplateError as error:
                problems.append(self._problem(name, error))
        if problems:
            raise ContentError(*problems)

    def render(self, name: str, /, **values: object) -> str:
        """Return the template filled with values; raises ContentError where it asks for others."""
        try:
            return self._templates[name].render(values)
        except Exception as error:  # whatever a site's own template does, it is told where
            raise ContentError(self._problem(name, error)) from error

    def fill_once(self, name: str, macros: Iterable[str]) -> dict[str, Markup]:
        """Return what the template's macros give without arguments, by their names.

        Raises ContentError where one is missing or does not render.
        """
        return {macro: self.fill(name, macro) for macro in macros}

    def fill(self, name: str, macro: str, *values: object) -> Markup:
        """Return what one macro of a template gives; raises ContentError as the method above."""
        try:
            filled: Markup = getattr(self._templates[name].module, macro)(*values).strip()
        except Exception as error:  # as above
            raise ContentError(self._problem(name, error)) from error
        return filled

    def add(self, functions: Mapping[str, Any]) -> None:
        """Let every template use these values by their names."""
        self._environment.globals.update(functions)
        for template in self._templates.values():
            # A plain copy: jinja2 goes through all of it for every page, key by key if it is a chain.
            template.globals = dict(self._environment.globals)

    def digest(self) -> str:
        """Return the SHA-256 of every template's source."""
        return hashlib.sha256(repr(sorted(self._sources.items())).encode()).hexdigest()

    def _read(self, name: str) -> str:
        return self._loader.get_source(self._environment, name)[0]

    def _problem(self, name: str, error: Exception) -> Problem:
        path, line = self._place(name, error)
        return Problem(
            code="page.template",
            path=path,
            line=line,
            expected="a template that renders",
            got=f"{type(error).__name__}: {error}",
            hint="Mend the template, or remove it to use the one that ships.",
        )

    def _place(self, name: str, error: Exception) -> tuple[str, int | None]:
        """Return the file and line to mend: jinja2 puts them into the traceback."""
        if isinstance(error, TemplateSyntaxError):
            return error.filename or name, error.lineno
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if any(Path(frame.filename).is_relative_to(path) for path in self._paths):
                return frame.filename, frame.lineno
        return name, None
