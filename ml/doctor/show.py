"""Findings for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ml.doctor.finding import Finding, Health

_STYLES: Final = {Health.OK: "green", Health.WARN: "yellow", Health.FAIL: "bold red"}


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether no check failed; warnings are for reading."""
    return all(finding.health is not Health.FAIL for finding in findings)


def as_json(findings: Sequence[Finding]) -> str:
    """One object: whether all is well, and every finding."""
    content = {"is_well": is_well(findings), "findings": [f.to_dict() for f in findings]}
    return json.dumps(content, indent=2, ensure_ascii=False)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print a table, and what to do below each check that is not well."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    area = ""
    for finding in findings:
        text = Text(finding.found)
        if finding.remedy:
            text.append(f"\n→ {finding.remedy}", style="bold")
        name = finding.area if finding.area != area else ""
        area = finding.area
        health = Text(finding.health.value, style=_STYLES[finding.health])
        table.add_row(Text(name, style="bold"), health, Text(finding.check), text)
    console.print(table)
    counts = Counter(finding.health for finding in findings)
    console.print(
        f"\n{counts[Health.OK]} ok, {counts[Health.WARN]} to look at, {counts[Health.FAIL]} failed"
    )
