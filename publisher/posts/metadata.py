"""What an image tells beside its picture: where it was taken, when, by whom, with what.

A photograph's place is nobody's business, so everything that draws no pixel is removed: EXIF, XMP,
IPTC, comments, previews, and whatever follows the end of the image. Which way up it is stays said.
Pure: bytes from bytes.
"""

from __future__ import annotations

from struct import error as StructError  # noqa: N812 - the library's class is lower-case
from struct import pack, unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DRAWN = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs acTL fcTL fdAT cICP".split()
)
"""The chunks that say how a picture looks (PNG, third edition, §11)."""
_WEBP_DRAWN = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_TOLD = 0b0000_1100
"""The flags of VP8X that promise EXIF and XMP (RFC 9649 §2.7.1)."""
_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B
_GIF_DRAWN = frozenset({0x01, 0xF9})
"""The extensions that draw: plain text, and how long a picture stays."""
_GIF_APPLICATION = 0xFF
_GIF_LOOPS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
_MARK, _ESCAPED = 0xFF, 0x00
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_COMMENT, _START_OF_SCAN, _END = 0xFE, 0xDA, 0xD9
_RESTARTS = frozenset(range(0xD0, 0xD8))
_ALONE = frozenset({0x01, *_RESTARTS})
_ORIENTATION, _UPRIGHT, _LAST_ORIENTATION, _SHORT = 0x0112, 1, 8, 3


def kind_of(data: bytes) -> str:
    """Return the ending of an image's file, by its first bytes; empty where it is none we show."""
    if data.startswith(_PNG):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return ""


def bare(data: bytes) -> bytes:
    """Return an image without what it tells beside its picture; the same bytes where it is bare.

    Raises ValueError for an image that is damaged, or of a kind that is not shown.
    """
    strippers = {"png": _bare_png, "jpg": _bare_jpeg, "gif": _bare_gif, "webp": _bare_webp}
    strip = strippers.get(kind_of(data))
    if strip is None:
        raise ValueError("no image that is shown")
    try:
        return b"".join(strip(data))
    except (StructError, IndexError) as error:
        raise ValueError("an image that is cut off") from error


def _take(data: bytes, at: int, length: int) -> bytes:
    piece = data[at : at + length]
    if len(piece) != length:
        raise ValueError("an image that is cut off")
    return piece


def _bare_png(data: bytes) -> Iterator[bytes]:
    yield _PNG
    at, name = len(_PNG), b""
    while name != b"IEND":
        length, name = unpack_from(">I4s", data, at)
        if name in _PNG_DRAWN:
            yield _take(data, at, 12 + length)
        at += 12 + length


# ------------------------------------------------------------------------------------------- JPEG


def _bare_jpeg(data: bytes) -> Iterator[bytes]:
    """Walk the segments (ITU-T T.81 §B.1); the last one is the end of the image."""
    yield data[:2]
    turned = _orientation(data)
    if turned != _UPRIGHT:
        yield _told_orientation(turned)
    at = 2
    while True:
        if data[at] != _MARK:
            raise ValueError("an image that is damaged")
        marker = data[at + 1]
        if marker == _MARK:  # fill bytes
            at += 1
            continue
        if marker == _END:
            yield data[at : at + 2]
            return
        if marker in _ALONE:
            yield data[at : at + 2]
            at += 2
            continue
        (length,) = unpack_from(">H", data, at + 2)
        segment = _take(data, at, 2 + length)
        at += 2 + length
        if marker == _START_OF_SCAN:
            end = _end_of_scan(data, at)
            yield segment + data[at:end]
            at = end
        elif _draws(marker, segment):
            yield segment


def _draws(marker: int, segment: bytes) -> bool:
    """Whether a segment says how the picture looks: frames, tables, JFIF, colours, Adobe's space."""
    if marker == _APP0:
        return segment[4:9] == b"JFIF\0"
    if marker == _APP2:
        return segment[4:16] == b"ICC_PROFILE\0"
    if marker == _APP14:
        return segment[4:9] == b"Adobe"
    return marker != _COMMENT and not _APP1 <= marker <= _APP15


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the pixels of a scan end: at the next marker that is none of their own."""
    while True:
        at = data.find(_MARK.to_bytes(1), at)
        if at < 0 or at + 1 >= len(data):
            raise ValueError("an image that is cut off")
        if data[at + 1] != _ESCAPED and data[at + 1] not in _RESTARTS:
            return at
        at += 2


def _orientation(data: bytes) -> int:
    """Return which way up EXIF says the picture is, 1 to 8 (EXIF 2.32 §4.6.4)."""
    at = 2
    while data[at] == _MARK and data[at + 1] not in {_START_OF_SCAN, _END}:
        if data[at + 1] == _MARK or data[at + 1] in _ALONE:
            at += 1 if data[at + 1] == _MARK else 2
            continue
        (length,) = unpack_from(">H", data, at + 2)
        if data[at + 1] == _APP1 and data[at + 4 : at + 10] == b"Exif\0\0":
            return _orientation_of(data[at + 10 : at + 2 + length])
        at += 2 + length
    return _UPRIGHT


def _orientation_of(tiff: bytes) -> int:
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (directory,) = unpack_from(f"{order}I", tiff, 4)
        (count,) = unpack_from(f"{order}H", tiff, directory)
        for number in range(count):
            tag, _, _, value = unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * number)
            if tag == _ORIENTATION:
                return int(value) if _UPRIGHT <= value <= _LAST_ORIENTATION else _UPRIGHT
    except StructError:
        pass
    return _UPRIGHT


def _told_orientation(turned: int) -> bytes:
    """Return an EXIF segment that says only which way up the picture is."""
    tiff = b"MM\0*" + pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, turned, 0, 0)
    exif = b"Exif\0\0" + tiff
    return pack(">BBH", _MARK, _APP1, 2 + len(exif)) + exif


# ------------------------------------------------------------------------------------ GIF and WebP


def _bare_gif(data: bytes) -> Iterator[bytes]:
    """Walk the blocks (GIF89a §15 to §27)."""
    at = 13 + _table_size(data[10])
    yield _take(data, 0, at)
    while data[at] != _GIF_END:
        begin = at
        if data[at] == _GIF_IMAGE:
            at += 11 + _table_size(data[at + 9])
            is_drawn = True
        elif data[at] == _GIF_EXTENSION:
            label, name = data[at + 1], data[at + 3 : at + 14]
            is_drawn = label in _GIF_DRAWN or (label == _GIF_APPLICATION and name in _GIF_LOOPS)
            at += 2
        else:
            raise ValueError("an image that is damaged")
        while data[at]:
            at += 1 + data[at]
        at += 1
        if is_drawn:
            yield _take(data, begin, at - begin)
    yield bytes([_GIF_END])


def _table_size(flags: int) -> int:
    """Return the octets of a colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _bare_webp(data: bytes) -> Iterator[bytes]:
    """Walk the chunks of the file (RFC 9649 §2.3)."""
    (size,) = unpack_from("<I", data, 4)
    end = 8 + size
    if end > len(data):
        raise ValueError("an image that is cut off")
    at, chunks = 12, []
    while at < end:
        name, length = unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise ValueError("an image that is cut off")
        whole = 8 + length + length % 2
        # Some leave out the octet that makes the last one even.
        chunk = _take(data, at, min(whole, end - at))
        if name == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_TOLD]) + chunk[9:]
        if name in _WEBP_DRAWN:
            chunks.append(chunk)
        at += whole
    body = b"WEBP" + b"".join(chunks)
    yield b"RIFF" + pack("<I", len(body)) + body
