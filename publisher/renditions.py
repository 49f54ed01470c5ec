"""What a file is served as: plain, and compressed beforehand.

Web servers make an ETag of a file's time and length, and the renditions of a file share their time:
no two have one length.
"""

from __future__ import annotations

from typing import Final

import brotli
from isal import igzip

BROTLI: Final = ".br"
GZIP: Final = ".gz"
Suffixes = tuple[str, ...]
VARIANTS: Final[Suffixes] = (BROTLI, GZIP)
"""What is added to a file's name for its compressed variants, the better first."""
_NAMES = (b"n", b"na", b"name")
_GZIP_LEVEL = 2  # 3 takes twice as long for three octets of a hundred
_WINDOWS = (16, 22)


def compress(data: bytes, variants: Suffixes) -> dict[str, bytes]:
    """Return what each variant is to hold; the same bytes each time."""
    packed = {}
    lengths = {len(data)}
    if BROTLI in variants:
        packed[BROTLI] = brotli.compress(data, quality=5, lgwin=_window(data))
        lengths.add(len(packed[BROTLI]))
    if GZIP in variants:
        packed[GZIP] = gzip(data, lengths)
    return packed


def _window(data: bytes) -> int:
    """Return the least window that holds all the data: a wider one is only slower."""
    least, most = _WINDOWS
    return max(least, min(most, len(data).bit_length()))


def gzip(data: bytes, lengths: set[int]) -> bytes:
    """Compress to none of these lengths: a name inside, which nobody reads, makes it longer."""
    packed = igzip.compress(data, _GZIP_LEVEL, mtime=0)
    named = (packed[:3] + b"\x08" + packed[4:10] + name + b"\0" + packed[10:] for name in _NAMES)
    return next(one for one in (packed, *named) if len(one) not in lengths)
