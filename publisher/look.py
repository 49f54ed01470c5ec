"""How everything looks: one table of tokens, and colours that can be read in both schemes.

Pages take the tokens as CSS variables, letters as literal values: many mail programs know no
variables.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from math import cbrt
from typing import TYPE_CHECKING, Final, Literal

from publisher.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOKENS: Final[Mapping[str, Mapping[str, str]]] = {
    "light": {"paper": "#fdfcf9", "ink": "#1d2327", "quiet": "#5b6570", "rule": "#e4e0d8"},
    "dark": {"paper": "#14181b", "ink": "#e7e4dd", "quiet": "#a3adb5", "rule": "#2b3238"},
    "type": {
        "serif": 'Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", Georgia, serif',
        "sans": 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
        "mono": "ui-monospace, Menlo, Consolas, monospace",
    },
    # Of a page: relative to the size that the reader set. 1 rem is 16 px unless they did.
    "page": {
        "text": "1.1875rem",
        "leading": "1.6",
        "h1": "2.125rem",
        "h2": "1.5rem",
        "h3": "1.25rem",
        "small": "0.9375rem",
        "least": "0.875rem",
        "measure": "40.375rem",  # 34 em of text: about 66 characters
    },
    # Of a letter: in pixels, since mail programs know no other length alike.
    "letter": {
        "text": "17px",
        "leading": "27px",
        "h1": "34px",
        "h2": "26px",
        "h3": "20px",
        "small": "15px",
        "least": "14px",
        "width": "600px",
        "side": "24px",
        "phone_side": "16px",
    },
    "space": {"paragraph": "20px", "section": "48px", "corner": "4px", "target": "44px"},
}
"""The design, by group and name; colours are six hexadecimal digits."""

TEXT_CONTRAST: Final = 4.5
"""The least contrast of text (WCAG 2.2, 1.4.3)."""

# Links among light text on dark paper look dull at the least contrast; by night it is the enhanced
# one (1.4.6).
_ACCENT_CONTRAST = {"light": TEXT_CONTRAST, "dark": 7.0}

_RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ku", "ps", "sd", "ug", "ur", "yi"}
)

_TINT = 0.08
_STEP = 0.01
_ROUNDING = 0.001
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

_Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The colours of one scheme, each ``#`` and six lower-case hexadecimal digits."""

    paper: str
    ink: str
    quiet: str
    rule: str
    accent: str
    accent_soft: str
    """A ground: the accent's tint of 8 % on paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of a site, by day and by night."""

    light: Scheme
    dark: Scheme


def palette(accent: str) -> Palette:
    """Return a site's colours; the accent is moved as far as reading needs, and no further.

    It is darkened on light paper until it reaches ``TEXT_CONTRAST`` on the paper and on its own
    tint, and lightened on dark paper until it reaches 7:1. Raises ConfigError where it is no colour.
    """
    return Palette(
        light=_scheme("light", accent, darken_until),
        dark=_scheme("dark", accent, lighten_until),
    )


def direction(language: str) -> Literal["ltr", "rtl"]:
    """Return which way a language such as ``en-US`` is read, as HTML's ``dir`` has it."""
    return "rtl" if language.lower().partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


def css_variables(colours: Palette) -> str:
    """Return the tokens as CSS: custom properties of the root for day, night and paper."""
    types = {**TOKENS["type"], **TOKENS["page"], **TOKENS["space"]}
    light, dark = _declare(asdict(colours.light)), _declare(asdict(colours.dark))
    return (
        f":root {{ color-scheme: light dark; {_declare(types)} {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"@media print {{ :root {{ {light} }} }}\n"
    )


def feed_variables(colours: Palette) -> str:
    """Return the tokens that a feed opened in a browser is set with, by day and by night."""
    types = {name: TOKENS["type"][name] for name in ("serif", "sans", "mono")}
    light, dark = _declare(asdict(colours.light)), _declare(asdict(colours.dark))
    return (
        f":root {{ color-scheme: light dark; {_declare(types)} {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance).

    Raises ConfigError where one is no colour.
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def lighten_until(colour: str, on: str, ratio: float) -> str:
    """Return the colour made lighter, in its own hue, until it has that contrast on ``on``.

    White where no lighter colour has it. Raises ConfigError where one is no colour.
    """
    return _move_until(colour, on, ratio, towards=1.0)


def darken_until(colour: str, on: str, ratio: float) -> str:
    """Return the colour made darker, in its own hue, until it has that contrast on ``on``.

    Black where no darker colour has it. Raises ConfigError where one is no colour.
    """
    return _move_until(colour, on, ratio, towards=0.0)


def _scheme(name: str, accent: str, move: Callable[[str, str, float], str]) -> Scheme:
    colours = TOKENS[name]
    paper, ratio = colours["paper"], _ACCENT_CONTRAST[name]
    moved = move(accent, paper, ratio)
    while contrast(moved, _mix(paper, moved, _TINT)) < TEXT_CONTRAST:
        ratio += 0.05
        moved = move(accent, paper, ratio)
    return Scheme(**colours, accent=moved, accent_soft=_mix(paper, moved, _TINT))


def _declare(values: Mapping[str, str]) -> str:
    return " ".join(f"--{name.replace('_', '-')}: {value};" for name, value in values.items())


def _move_until(colour: str, on: str, ratio: float, *, towards: float) -> str:
    """Move the lightness in steps the eye does not see; hue and, where it can be, chroma stay."""
    moved = _as_hex(_channels(colour))
    lightness, a, b = _as_oklab(_channels(colour))
    while contrast(moved, on) < ratio and lightness != towards:
        step = _STEP if towards > lightness else -_STEP
        lightness = min(1.0, max(0.0, lightness + step))
        moved = _as_hex(_into_gamut(lightness, a, b))
    return moved


def _into_gamut(lightness: float, a: float, b: float) -> _Triple:
    """Return the channels, with as much of the chroma as a screen can show at this lightness."""
    kept = 1.0 if 0.0 < lightness < 1.0 else 0.0
    channels = _from_oklab((lightness, a * kept, b * kept))
    while kept > 0 and not all(-_ROUNDING <= one <= 1 + _ROUNDING for one in channels):
        kept = max(0.0, kept - 0.05)
        channels = _from_oklab((lightness, a * kept, b * kept))
    return channels


def _mix(ground: str, colour: str, share: float) -> str:
    below, above = _channels(ground), _channels(colour)
    red, green, blue = (low + (high - low) * share for low, high in zip(below, above, strict=True))
    return _as_hex((red, green, blue))


def _channels(colour: str) -> _Triple:
    if not _COLOUR.fullmatch(colour):
        raise ConfigError(
            Problem(
                code="look.colour",
                path="site.accent",
                expected='a colour such as "#0b5c6e"',
                got=repr(colour),
                hint="Write # and six hexadecimal digits.",
            )
        )
    return (int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255)


def _as_hex(channels: _Triple) -> str:
    return "#" + "".join(f"{round(min(1.0, max(0.0, one)) * 255):02x}" for one in channels)


def _luminance(colour: str) -> float:
    red, green, blue = map(_linear, _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    if channel <= 0.04045:  # noqa: PLR2004 - sRGB (IEC 61966-2-1)
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)


def _encoded(linear: float) -> float:
    if linear <= 0.0031308:  # noqa: PLR2004 - the same
        return linear * 12.92
    return float(1.055 * linear ** (1 / 2.4) - 0.055)


# Oklab (B. Ottosson, 2020): equal steps of lightness look equal, and a hue stays what it is.


def _as_oklab(channels: _Triple) -> _Triple:
    red, green, blue = map(_linear, channels)
    long = cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(colour: _Triple) -> _Triple:
    lightness, a, b = colour
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _encoded(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _encoded(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _encoded(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )
