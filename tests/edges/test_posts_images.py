"""The sizes of images, from their first bytes."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.posts.images import measure

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def segment(marker: int, content: bytes) -> bytes:
    """A JPEG segment with its length."""
    return pack(">BBH", 0xFF, marker, len(content) + 2) + content


def exif(orientation: int, order: str = ">", tag: int = 0x0112) -> bytes:
    """An EXIF segment that says which way up the picture is."""
    head = b"MM\0\x2a" if order == ">" else b"II\x2a\0"
    entry = pack(f"{order}HHIHH", tag, 3, 1, orientation, 0)
    return segment(0xE1, b"Exif\0\0" + head + pack(f"{order}IH", 8, 1) + entry)


FRAME = segment(0xC0, pack(">BHH", 8, 20, 30) + b"\x01")
"""Height 20, width 30."""
START = b"\xff\xd8"
JFIF = segment(0xE0, b"JFIF\0")


@pytest.mark.parametrize(
    "data",
    [
        PNG + pack(">II", 30, 20),
        b"GIF89a" + pack("<HH", 30, 20),
        b"GIF87a" + pack("<HH", 30, 20),
        b"RIFF----WEBPVP8X" + bytes(8) + (29).to_bytes(3, "little") + (19).to_bytes(3, "little"),
        b"RIFF----WEBPVP8L----\x2f" + pack("<I", 29 | 19 << 14 | 1 << 28),
        b"RIFF----WEBPVP8 " + bytes(10) + pack("<HH", 30 | 1 << 14, 20),
        START + JFIF + FRAME,
        START + segment(0xC4, b"huffman") + FRAME.replace(b"\xff\xc0", b"\xff\xc2"),
        START + b"\xff\xff\xff" + JFIF[1:] + b"\xff\x01" + FRAME,
        START + exif(1) + FRAME,
        START + exif(6, tag=0x0100) + FRAME,
        START + segment(0xE1, b"http://ns.adobe.com/xap/1.0/") + FRAME,
        START + segment(0xE1, b"Exif\0\0MM") + FRAME,
    ],
)
def test_measure_reads_every_type(data: bytes) -> None:
    """Width 30 and height 20, however the format says it."""
    assert measure(data) == (30, 20)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_measure_turns_photographs(orientation: int, order: str) -> None:
    """A photograph that lies on its side is shown upright, so its sides change places."""
    assert measure(START + exif(orientation, order) + FRAME) == (20, 30)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        PNG + b"\0",
        PNG + pack(">II", 0, 20),
        b"RIFF----WEBPALPH",
        b"RIFF----AVI ",
        START,
        START + b"\xff",
        START + JFIF,
        START + b"no marker",
        START + b"\xff" * 1_000_000,
        b"\0\0\0\x1cftypavif",
    ],
)
def test_measure_says_nothing_of_what_it_cannot_read(data: bytes) -> None:
    """A cut, empty, endless or foreign file has no size, and no error either."""
    assert measure(data) is None


@settings(deadline=None)
@given(st.sampled_from([PNG, START, START + exif(6), b"RIFF----WEBPVP8", b"GIF89a"]), st.binary())
def test_measure_never_fails(start: bytes, rest: bytes) -> None:
    """Any bytes give two positive numbers or nothing."""
    size = measure(start + rest)

    assert size is None or min(size) > 0
