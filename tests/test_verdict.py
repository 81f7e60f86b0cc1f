"""Verdicts and reports: what they say, and what they refuse to say."""

import json

import pytest

from symbackprop.errors import DataError
from symbackprop.verification.verdict import Counterexample, Report, Verdict, guarded

RIGHT, WRONG, OPEN = Verdict("proved", "a"), Verdict("wrong", "b", "sign"), Verdict("unknown", "c", "no oracle")


def test_a_verdict_has_no_truth_value():
    for thing in (RIGHT, WRONG, Report((RIGHT,))):
        with pytest.raises(TypeError, match="no truth value"):
            bool(thing)


def test_only_known_statuses():
    with pytest.raises(ValueError, match="'right' is not one of"):
        Verdict("right", "a")


def test_holds_if_needs_its_condition():
    with pytest.raises(ValueError, match="must name them"):
        Verdict("holds-if", "a")


def test_a_condition_turns_green_into_holds_if_and_leaves_wrong_alone():
    assert RIGHT.under(["Y sums to 1"]).status == "holds-if"
    assert RIGHT.under([]).status == "proved"
    assert WRONG.under(["Y sums to 1"]).status == "wrong"


def test_unknown_is_never_green():
    assert not OPEN.is_green
    assert not Report((RIGHT, OPEN)).ok
    assert Report((RIGHT,)).ok


def test_an_empty_report_is_not_ok():
    assert not Report(()).ok
    assert Report(()).exit_status == 3


def test_exit_status_says_wrong_before_unknown():
    assert [Report(v).exit_status for v in ((RIGHT,), (OPEN, RIGHT), (OPEN, WRONG))] == [0, 3, 1]


def test_exceptions_become_unknown_with_their_reason():
    def broken():
        raise ZeroDivisionError("division by zero")

    def refused():
        raise DataError("no array for W")

    assert guarded("a", broken) == Verdict("unknown", "a", "ZeroDivisionError: division by zero", is_fault=True)
    assert guarded("a", refused).reason == "DataError: no array for W"
    assert guarded("a", lambda: RIGHT) is RIGHT


def test_the_table_shows_reason_cause_and_counterexample():
    example = Counterexample({"n": 1}, {"x": [1, -0.5]}, (0,), "2", "-2")
    report = Report((RIGHT, Verdict("wrong", "dJ/dx == 2 * x", "differs", cause="sign", counterexample=example)))
    lines = report.table().splitlines()
    assert lines[1].startswith("wrong     dJ/dx == 2 * x  differs")
    assert lines[3].strip() == "counterexample: n = 1; x = [1, -0.5]; left 2, right -2 at entry [0]"
    assert lines[-1] == "1 proved, 1 wrong"


def test_a_report_is_json():
    example = Counterexample({"n": 1}, {"x": [1, -0.5]}, (0,), "2", "-2")
    made = json.loads(json.dumps(Report((Verdict("wrong", "a", counterexample=example),)).as_dict()))
    assert made["ok"] is False and made["verdicts"][0]["counterexample"]["values"] == {"x": [1, -0.5]}
