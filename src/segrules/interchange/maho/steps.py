"""The steps of a segment's e-mails as a file beside the segment's own: ``name.steps.toml``.

segment = "VIP"
sends = true
overlapping = false

[[steps]]
trigger = "enter"
number = 1
delay_minutes = 60
template = "Welcome"
template_id = 4
active = true
max_sends = 1

[steps.coupon]
sales_rule = "Ten percent"
sales_rule_id = 7
prefix = "VIP"
expires_days = 30
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from segrules.interchange.maho.segments import Imported

SUFFIX = ".steps.toml"


def steps_file(segment: Imported) -> str:
    """The text of the file; numbers are those of the source."""
    lines = ["# The e-mails of this segment, as they were in the source."]
    lines += _members({"segment": segment.name, "sends": segment.sends, "overlapping": segment.overlapping})
    for step in segment.steps:
        members = attrs.asdict(step, recurse=False)
        coupon = members.pop("coupon")
        lines += ["", "[[steps]]", *_members(members)]
        if coupon is not None:
            lines += ["", "[steps.coupon]", *_members(coupon)]
    return "\n".join([*lines, ""])


def _members(members: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members.items():
        # A text of printable characters is written in TOML as it is in JSON.
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
