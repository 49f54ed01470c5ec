"""Errors: what they carry."""

from __future__ import annotations

import pickle

from publisher.errors import Problem, Refused


def test_an_error_crosses_to_another_process_whole() -> None:
    """A problem met by a copy of the process is told by this one, word for word."""
    problem = Problem(code="x", path="p", expected="a", got="b", hint="c")

    raised = pickle.loads(pickle.dumps(Refused(problem)))  # noqa: S301 - our own

    assert isinstance(raised, Refused)
    assert raised.problems == (problem,)
    assert str(raised) == str(Refused(problem))
