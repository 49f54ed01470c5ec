"""The size of an image, read from its first bytes, so that pages do not jump while it loads."""

from __future__ import annotations

from struct import error as StructError  # noqa: N812 - the library's class is lower-case
from struct import unpack_from

_TURNED = frozenset({5, 6, 7, 8})  # EXIF orientations that lay the picture on its side
_MARK, _EXIF = 0xFF, 0xE1
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_ORIENTATION = 0x0112
_MOST_SEGMENTS = 5_000  # a file of nothing but fill bytes must not keep the reader busy


def measure(data: bytes) -> tuple[int, int] | None:
    """Return the shown width and height in pixels; nothing where the bytes do not say.

    Reads PNG, GIF, WebP and JPEG; a photograph's EXIF orientation is taken into account.
    """
    try:
        size = _size(data)
    except (StructError, IndexError):
        return None
    return size if size and all(size) else None


def _size(data: bytes) -> tuple[int, int] | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _pair(">II", data, 16)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _pair("<HH", data, 6)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_size(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    return None


def _pair(form: str, data: bytes, offset: int) -> tuple[int, int]:
    first, second = unpack_from(form, data, offset)
    return int(first), int(second)


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Read the size from the first chunk (RFC 9649 §2.5 to §2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = _pair("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments to the frame header (ITU-T T.81 §B.1 and §B.2.2)."""
    turned, at = False, 2
    for _ in range(_MOST_SEGMENTS):
        if data[at] != _MARK:
            break
        marker = data[at + 1]
        if marker == _MARK:  # fill bytes
            at += 1
        elif marker in _JPEG_ALONE:
            at += 2
        elif marker in _JPEG_FRAMES:
            height, width = _pair(">HH", data, at + 5)
            return (height, width) if turned else (width, height)
        else:
            (length,) = unpack_from(">H", data, at + 2)
            if marker == _EXIF:
                turned = _is_turned(data[at + 4 : at + 2 + length])
            at += 2 + length
    return None


def _is_turned(segment: bytes) -> bool:
    """Whether an EXIF segment says that the picture lies on its side (EXIF 2.32 §4.6)."""
    if not segment.startswith(b"Exif\0\0"):
        return False
    tiff = segment[6:]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (directory,) = unpack_from(f"{order}I", tiff, 4)
        (count,) = unpack_from(f"{order}H", tiff, directory)
        for number in range(count):
            tag, _, _, value = unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value in _TURNED
    except StructError:
        return False
    return False
