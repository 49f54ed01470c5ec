"""What an image tells beside its picture is removed; the picture stays to the last pixel."""

from __future__ import annotations

import zlib
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import posts
from publisher.posts.images import measure

GPS = b"GPSLatitude 40.7128 N"


def _chunk(name: bytes, data: bytes = b"") -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))


def _png(*told: bytes) -> bytes:
    head = _chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixels = _chunk(b"IDAT", zlib.compress(b"\0\1\2\3"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(told) + pixels + _chunk(b"IEND")


def _segment(marker: int, data: bytes = b"") -> bytes:
    return bytes([0xFF, marker]) + pack(">H", 2 + len(data)) + data


JFIF = _segment(0xE0, b"JFIF\0" + bytes(9))
FRAME = _segment(0xC0, pack(">BHHB", 8, 30, 40, 1) + b"\x01\x11\x00")
SCAN = _segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"


def _exif(orientation: int | None, order: str = "<") -> bytes:
    count = 1 if orientation is None else 2
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = pack(f"{order}HHIHH", 0x8825, 3, 1, 9, 0)
    if orientation is not None:
        entries += pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = mark + pack(f"{order}IH", 8, count) + entries + GPS
    return _segment(0xE1, b"Exif\0\0" + tiff)


def _jpeg(*told: bytes, after: bytes = b"") -> bytes:
    return b"\xff\xd8" + JFIF + b"".join(told) + FRAME + SCAN + b"\xff\xd9" + after


def _gif(*told: bytes) -> bytes:
    head = b"GIF89a" + pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    picture = b"\x21\xf9\x04\0\0\0\0\0" + b"\x2c" + bytes(4) + b"\1\0\1\0\0" + b"\2\2\x44\1\0"
    return head + b"".join(told) + picture + b"\x3b"


def _webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name + pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + pack("<I", len(body)) + body


VP8L = (b"VP8L", b"\x2f\0\0\0\0")


def test_kinds_are_known_by_their_first_bytes() -> None:
    """The name of a file says nothing; an svg, a pdf and an avif are none of ours."""
    assert [posts.kind_of(one) for one in (_png(), _jpeg(), _gif(), _webp(VP8L))] == [
        "png",
        "jpg",
        "gif",
        "webp",
    ]
    assert {posts.kind_of(one) for one in (b"<svg/>", b"%PDF", b"", bytes(30))} == {""}


def test_a_png_keeps_only_what_draws() -> None:
    """Texts, EXIF, times and what follows the end are gone; colours stay."""
    colours = _chunk(b"sRGB", b"\0")
    told = [_chunk(name, GPS) for name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"prVt")]

    assert posts.bare(_png(told[0], colours, *told[1:]) + GPS) == _png(colours)
    assert posts.bare(_png(colours)) == _png(colours)


def test_a_jpeg_keeps_only_what_draws() -> None:
    """EXIF, XMP, IPTC, comments, previews and what follows the end are gone; profiles stay."""
    colours = _segment(0xE2, b"ICC_PROFILE\0\1\1profile")
    space = _segment(0xEE, b"Adobe\0d\0\0\0\0\0")
    told = [
        _exif(None),
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + GPS),
        _segment(0xED, b"Photoshop 3.0\0" + GPS),
        _segment(0xFE, GPS),
        _segment(0xE2, b"MPF\0" + GPS),
        _segment(0xE0, b"JFXX\0" + GPS),
    ]

    made = posts.bare(_jpeg(colours, *told, space, after=GPS))

    assert made == _jpeg(colours, space)
    assert GPS not in made


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_photograph_stays_the_right_way_up(order: str) -> None:
    """Of EXIF the orientation alone is told again: a picture on its side would not be one."""
    made = posts.bare(_jpeg(_exif(6, order)))

    assert measure(made) == measure(_jpeg(_exif(6, order))) == (30, 40)
    assert GPS not in made
    assert posts.bare(made) == made
    assert posts.bare(_jpeg(_exif(1, order))) == posts.bare(_jpeg(_exif(99, order))) == _jpeg()


def test_a_jpeg_of_several_scans_is_kept_whole() -> None:
    """Fill bytes and lone markers are passed; tables and scans that follow the first stay."""
    table = _segment(0xC4, b"\0\1\2")
    several = (
        b"\xff\xd8\xff" + JFIF + FRAME + SCAN + b"\xff" + table + b"\xff\x01" + SCAN + b"\xff\xd9"
    )

    assert posts.bare(several) == several.replace(b"\xff\xff", b"\xff")


def test_a_gif_keeps_only_what_draws() -> None:
    """Comments and XMP are gone; that it moves for ever stays."""
    loop = b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    comment = b"\x21\xfe" + bytes([len(GPS)]) + GPS + b"\0"
    xmp = b"\x21\xff\x0bXMP DataXMP" + bytes([len(GPS)]) + GPS + b"\0"

    assert posts.bare(_gif(loop, comment, xmp) + GPS) == _gif(loop)


def test_a_webp_keeps_only_what_draws() -> None:
    """EXIF and XMP are gone, and nothing promises them; the picture of odd length stays."""
    extended = (b"VP8X", bytes([0b0011_1100, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    bare = (b"VP8X", bytes([0b0011_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0]))

    made = posts.bare(_webp(extended, VP8L, (b"EXIF", GPS), (b"XMP ", GPS)) + GPS)

    assert made == _webp(bare, VP8L)
    assert posts.bare(_webp(VP8L)) == _webp(VP8L)


WHOLE = [_png(), _jpeg(_exif(6)), _gif(), _webp(VP8L)]


@pytest.mark.parametrize("data", WHOLE)
def test_an_image_that_is_cut_off_is_refused(data: bytes) -> None:
    """Wherever it ends too soon it is no whole image, and nothing else goes wrong."""
    for end in range(len(data)):
        with pytest.raises(ValueError, match="image"):
            posts.bare(data[:end])


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xfe\0\2" + b"no mark here",
        _gif()[:-1] + b"\x99\x3b",
        _webp(VP8L)[:-1],
        _webp(VP8L).replace(_webp(VP8L)[4:8], b"\5\0\0\0", 1),  # ends before its first chunk does
        b"BM",
    ],
)
def test_an_image_that_is_damaged_is_refused(data: bytes) -> None:
    """What no program should read on is not written on either."""
    with pytest.raises(ValueError, match="image"):
        posts.bare(data)


@given(st.sampled_from(WHOLE), st.data())
def test_a_damaged_image_is_refused_or_bared(data: bytes, choice: st.DataObject) -> None:
    """A changed byte leads to a refusal or to bytes of the same kind, never to anything else."""
    at = choice.draw(st.integers(0, len(data) - 1))
    hurt = data[:at] + bytes([choice.draw(st.integers(0, 255))]) + data[at + 1 :]

    try:
        made = posts.bare(hurt)
    except ValueError:
        return
    assert posts.kind_of(made) == posts.kind_of(hurt)
    assert posts.bare(made) == made
