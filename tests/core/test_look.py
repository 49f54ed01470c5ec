"""The look: whatever accent a site chooses, everything can be read, by day and by night."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import ConfigError
from publisher.look import (
    TEXT_CONTRAST,
    TOKENS,
    Scheme,
    contrast,
    css_variables,
    darken_until,
    direction,
    feed_variables,
    lighten_until,
    palette,
)

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def inverted(colour: str) -> str:
    """The colour as a mail program makes it that turns light into dark by force."""
    return f"#{0xFFFFFF - int(colour[1:], 16):06x}"


def text_pairs(scheme: Scheme) -> list[tuple[str, str]]:
    """Every text colour with every ground it stands on, a button's own text among them."""
    texts = (scheme.ink, scheme.quiet, scheme.accent)
    pairs = [(text, ground) for text in texts for ground in (scheme.paper, scheme.accent_soft)]
    return [*pairs, (scheme.paper, scheme.accent)]


# --------------------------------------------------------------------------------------- contrast


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.478),
        ("#767676", "#ffffff", 4.542),
        ("#ff0000", "#ffffff", 3.998),
        ("#0000ff", "#ffffff", 8.592),
        ("#010101", "#000000", 1.006),
    ],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, expected: float) -> None:
    """Known pairs have the ratio that WCAG's formula gives, whichever colour comes first."""
    ratios = (contrast(one, other), contrast(other, one))

    assert pytest.approx(expected, abs=0.001) == ratios[0] == ratios[1]


@pytest.mark.parametrize("word", ["", "teal", "#fff", "#0b5c6", "0b5c6e", "#0b5c6g", "#0b5c6e\n"])
def test_what_is_no_colour_is_told(word: str) -> None:
    """A word that is no colour is refused with what was expected and how to mend it."""
    with pytest.raises(ConfigError) as caught:
        palette(word)

    problem = caught.value.problems[0]
    assert (problem.path, problem.got) == ("site.accent", repr(word))
    assert problem.hint


# ---------------------------------------------------------------------------------------- palette


@given(accent=colours)
def test_every_text_pair_can_be_read(accent: str) -> None:
    """With any accent, every text on every ground has the least contrast, in both schemes."""
    made = palette(accent)

    ratios = [contrast(*pair) for scheme in (made.light, made.dark) for pair in text_pairs(scheme)]
    assert min(ratios) >= TEXT_CONTRAST


@given(accent=colours)
def test_a_light_letter_inverted_by_force_can_be_read(accent: str) -> None:
    """The light scheme keeps the least contrast where a mail program inverts every colour."""
    light = palette(accent).light

    ratios = [contrast(inverted(text), inverted(ground)) for text, ground in text_pairs(light)]
    assert min(ratios) >= TEXT_CONTRAST


def test_running_text_is_far_above_the_least() -> None:
    """Ink on paper has at least 10:1, in both schemes and after inversion."""
    grounds = [TOKENS[name] for name in ("light", "dark")]

    for colour in grounds:
        assert contrast(colour["ink"], colour["paper"]) >= 10
        assert contrast(inverted(colour["ink"]), inverted(colour["paper"])) >= 10


def test_an_accent_that_can_be_read_stays_as_it_is() -> None:
    """The default accent is used on light paper as it is written."""
    assert palette("#0b5c6e").light.accent == "#0b5c6e"


def test_an_accent_keeps_its_hue() -> None:
    """What is lightened is the same colour, not a grey: its channels keep their order."""
    accent = palette("#0b5c6e").dark.accent

    red, green, blue = (accent[1:3], accent[3:5], accent[5:7])
    assert red < green < blue


@given(accent=colours)
def test_a_palette_is_literal_colours(accent: str) -> None:
    """Every field is six lower-case hexadecimal digits, as mail programs need."""
    made = palette(accent)

    for value in [*asdict(made.light).values(), *asdict(made.dark).values()]:
        assert len(value) == 7 and value == value.lower() and int(value[1:], 16) >= 0


# ------------------------------------------------------------------------------ lighter and darker


@given(colour=colours, ratio=st.floats(1, 8))
def test_lightening_reaches_the_ratio_or_white(colour: str, ratio: float) -> None:
    """On dark paper a colour is lightened until it has the ratio."""
    lighter = lighten_until(colour, TOKENS["dark"]["paper"], ratio)

    assert contrast(lighter, TOKENS["dark"]["paper"]) >= ratio


@given(colour=colours, ratio=st.floats(1, 8))
def test_darkening_reaches_the_ratio_or_black(colour: str, ratio: float) -> None:
    """On light paper a colour is darkened until it has the ratio."""
    darker = darken_until(colour, TOKENS["light"]["paper"], ratio)

    assert contrast(darker, TOKENS["light"]["paper"]) >= ratio


def test_what_cannot_be_reached_ends_at_the_end() -> None:
    """A ratio that no colour has on that ground ends in white or in black, and ends."""
    assert lighten_until("#0b5c6e", "#fdfcf9", 8) == "#ffffff"
    assert darken_until("#68adc1", "#14181b", 8) == "#000000"


# ------------------------------------------------------------------------------------------- pages


def test_variables_tell_day_night_and_paper() -> None:
    """Pages get every token: the light colours, the dark ones by preference, light in print."""
    made = palette("#0b5c6e")

    css = css_variables(made)

    day, night, paper = css.strip().split("\n")
    assert (
        f"--accent: {made.light.accent};" in day and f"--serif: {TOKENS['type']['serif']};" in day
    )
    assert "--accent-soft: " in day and "color-scheme: light dark;" in day
    assert "prefers-color-scheme: dark" in night and f"--paper: {made.dark.paper};" in night
    assert "print" in paper and f"--paper: {made.light.paper};" in paper


def test_variables_of_feeds_are_the_same_colours() -> None:
    """A feed in a browser gets the page's type and colours, by day and by night, and no more."""
    made = palette("#7a1f3d")

    day, night = feed_variables(made).split("\n")

    for name, value in asdict(made.light).items():
        assert f"--{name.replace('_', '-')}: {value};" in day
    assert f"--mono: {TOKENS['type']['mono']};" in day and "--h1" not in day
    assert "prefers-color-scheme: dark" in night and f"--accent: {made.dark.accent};" in night


@pytest.mark.parametrize(("language", "way"), [("en-US", "ltr"), ("he", "rtl"), ("AR-eg", "rtl")])
def test_direction_is_the_languages(language: str, way: str) -> None:
    """The first part of a language tag tells which way it is read."""
    assert direction(language) == way
