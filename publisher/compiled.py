"""What templates were compiled to: kept in memory for the whole process, and on the disk.

To compile a template costs as much as to use it a hundred times. A process that opens a site again,
or several, compiles what they share once.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import jinja2
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from typing_extensions import override

from publisher import __version__

if TYPE_CHECKING:
    from pathlib import Path
    from types import CodeType

    from jinja2.bccache import Bucket

_NAMES = f"{__version__}-{jinja2.__version__}-%s"
_MOST = 1_000
"""Templates in memory: a service that lives long sees its own change, and forgets what they were."""
_kept: dict[tuple[str, str, str], CodeType] = {}


class Compiled(BytecodeCache):
    """Compiled templates, each for as long as its source stays as it is."""

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        """Keep those of environments that compile alike under one kind; ``folder`` is ours alone."""
        self._kind = kind
        self._disk = FileSystemBytecodeCache(str(folder), _NAMES) if folder else None

    @override
    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = _kept.get(self._name(bucket))
        if bucket.code is None and self._disk:
            try:
                self._disk.load_bytecode(bucket)
            except Exception:  # noqa: BLE001 - a damaged file is none, whatever is wrong with it
                bucket.reset()
            self._keep(bucket)

    @override
    def dump_bytecode(self, bucket: Bucket) -> None:
        self._keep(bucket)
        if self._disk:
            with suppress(OSError):  # a full disk is no reason not to render
                self._disk.dump_bytecode(bucket)

    def _keep(self, bucket: Bucket) -> None:
        if bucket.code is None:
            return
        if len(_kept) >= _MOST:
            _kept.clear()
        _kept[self._name(bucket)] = bucket.code

    def _name(self, bucket: Bucket) -> tuple[str, str, str]:
        return (self._kind, bucket.key, bucket.checksum)
