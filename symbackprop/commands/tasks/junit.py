"""Verdicts as JUnit XML, which programs that run tests read: what is wrong is a failure, what is unknown an error."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNPRINTED = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML can't hold."""


@dataclass(frozen=True)
class Case:
    """One verdict: what it is of, its status, and why."""

    name: str
    status: str
    because: str = ""


def junit(suites: Sequence[tuple[str, Sequence[Case]]]) -> str:
    """The XML of suites of cases, each with its name. A verdict that is neither wrong nor unknown passes, with its status and reason."""
    root = ET.Element("testsuites", name="symbackprop")
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for title, cases in suites:
        wrong, unknown = (sum(c.status == status for c in cases) for status in ("wrong", "unknown"))
        counts = {"tests": len(cases), "failures": wrong, "errors": unknown}
        totals = {k: totals[k] + counts[k] for k in totals}
        suite = ET.SubElement(root, "testsuite", {"name": _plain(title), **{k: str(v) for k, v in counts.items()}})
        for case in cases:
            made = ET.SubElement(suite, "testcase", classname=_plain(title), name=_plain(case.name))
            tag = {"wrong": "failure", "unknown": "error"}.get(case.status)
            if tag:
                first = case.because.splitlines()[0] if case.because else case.status
                ET.SubElement(made, tag, type=case.status, message=_plain(first)).text = _plain(case.because)
            else:
                ET.SubElement(made, "system-out").text = _plain(f"{case.status}: {case.because}" if case.because else case.status)
    for k, v in totals.items():
        root.set(k, str(v))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _plain(text: str) -> str:
    return UNPRINTED.sub("�", text)


def of_report(record: Mapping[str, Any], title: str = "") -> tuple[str, list[Case]]:
    """The suite of a report on a model, an expression or a pass, from its record."""
    cases = []
    for v in record["verdicts"]:
        cause = [f"likely cause: {v['cause']}"] if v["cause"] else []
        grounds = [v["reason"], *(f"if {c}" for c in v["conditions"]), *cause, *v["details"]]
        cases.append(Case(v["subject"], v["status"], "\n".join(filter(None, grounds))))
    return title or record["title"] or "symbackprop", cases


def of_note(record: Mapping[str, Any]) -> tuple[str, list[Case]]:
    """The suite of a report on a note, from its record: each claim by the number of its formula."""
    cases = []
    for number, formula in enumerate(record["formulas"], 1):
        for v in formula["verdicts"]:
            because = "\n".join([v["because"], *(f"if {c}" for c in v["conditions"])])
            cases.append(Case(f"formula {number}: {v['claim']}", v["status"], because))
    return record["file"], cases
