"""What changed between two texts, word by word: both can be read back from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.comparing import Run, compare

TEXTS = st.text(alphabet="ab c.\n'\u2019é", max_size=60)
PARAGRAPHS = st.lists(st.text(alphabet="wxyz \n", max_size=20), max_size=5).map("\n\n".join)


def _run(kind: str, text: str) -> Run:
    return Run(kind=kind, text=text)  # type: ignore[arg-type]


@given(TEXTS | PARAGRAPHS, TEXTS | PARAGRAPHS)
def test_both_texts_can_be_read_back(earlier: str, later: str) -> None:
    """What stayed and went is the earlier text, what stayed and came the later one, exactly."""
    found = compare(earlier, later)

    assert (found.earlier, found.later) == (earlier, later)
    assert (found.changed == 0) is (earlier == later)


def test_a_changed_word_is_told_as_that() -> None:
    """Of a sentence with another number only the number differs; the paragraph beside it stays."""
    found = compare("Take 20 mg.\n\nThe end.\n", "Take 25 mg.\n\nThe end.\n")

    assert [one.runs for one in found.paragraphs] == [
        (
            _run("kept", "Take "),
            _run("deleted", "20"),
            _run("inserted", "25"),
            _run("kept", " mg.\n\n"),
        ),
        (_run("kept", "The end.\n"),),
    ]
    assert found.changed == 1


def test_a_word_that_went_leaves_the_rest() -> None:
    """Nothing is told to have come where a word only went."""
    (paragraph,) = compare("Take it twice a day, always.\n", "Take it a day, always.\n").paragraphs

    assert [run for run in paragraph.runs if run.kind != "kept"] == [_run("deleted", " twice")]


def test_another_paragraph_is_no_change_of_words() -> None:
    """A paragraph with few of the old words is told whole: one went, another came."""
    found = compare("Sleep well tonight.\n\nB\n", "A brief history of rain, told.\n\nB\n")

    assert [[run.kind for run in one.runs] for one in found.paragraphs] == [
        ["deleted"],
        ["inserted"],
        ["kept"],
    ]


def test_a_paragraph_put_between_does_not_shift_the_others() -> None:
    """Of two changed paragraphs each is compared with its own, though a new one came between."""
    earlier = "Sleep is a habit of the body.\n\nWorry is a habit of the mind.\n"
    later = (
        "Sleep is a habit of the whole body.\n\nNothing of this was here.\n\n"
        "Worry is a habit of the busy mind.\n"
    )

    found = compare(earlier, later)

    assert [
        [run.text for run in one.runs if run.kind == "inserted"] for one in found.paragraphs
    ] == [
        ["whole "],
        ["Nothing of this was here.\n\n"],
        ["busy "],
    ]
    assert not any(run.kind == "deleted" for one in found.paragraphs for run in one.runs)


def test_a_paragraph_without_an_end_is_told_whole() -> None:
    """Words are not compared one by one in a paragraph of more than anybody reads."""
    long = "word " * 5_000

    found = compare(long, f"{long}more")

    assert [one.runs[0].kind for one in found.paragraphs] == ["deleted", "inserted"]


def test_a_long_post_is_compared_by_its_changes() -> None:
    """In 5,000 words of paragraphs the one changed word is found, and nothing else is told."""
    paragraphs = [
        f"Paragraph {n} says that {n * 7} is a number of words. " * 5 for n in range(100)
    ]
    earlier = "\n\n".join(paragraphs)
    later = earlier.replace("Paragraph 50 says that 350", "Paragraph 50 says that 351", 1)

    found = compare(earlier, later)

    assert found.changed == 1
    assert [run for one in found.paragraphs for run in one.runs if run.kind != "kept"] == [
        _run("deleted", "350"),
        _run("inserted", "351"),
    ]
