"""How an explanation is drawn and told."""

import json
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from segrules.memory import Explanation

TREE = Explanation(
    "and",
    False,
    (),
    (
        Explanation("lifetime.sales > 500", True, (("lifetime.sales", Decimal("1E+3")),)),
        Explanation(
            "or",
            False,
            (),
            (
                Explanation("customer.birth_date is set", False, (("customer.birth_date", None),)),
                Explanation(
                    "activity.last_login_at after today",
                    False,
                    (("activity.last_login_at", datetime(2025, 7, 4, 12)), ("customer.birth_date", date(2000, 1, 1))),
                ),
            ),
        ),
    ),
)


def test_the_tree() -> None:
    assert str(TREE) == (
        "✗ and\n"
        "├─ ✓ lifetime.sales > 500\n"
        "│     lifetime.sales = 1000\n"
        "└─ ✗ or\n"
        "   ├─ ✗ customer.birth_date is set\n"
        "   │     customer.birth_date = not set\n"
        "   └─ ✗ activity.last_login_at after today\n"
        "         activity.last_login_at = 2025-07-04 12:00:00 UTC\n"
        "         customer.birth_date = 2000-01-01"
    )
    ascii_only = TREE.render(ascii=True, zone=ZoneInfo("Europe/Rome"))
    assert ascii_only.isascii()
    assert "2025-07-04 14:00:00 Europe/Rome" in ascii_only
    assert ascii_only.splitlines()[1] == "|- [x] lifetime.sales > 500"


def test_the_tree_as_data() -> None:
    data = json.loads(json.dumps(TREE.to_json()))
    assert data["truth"] is False
    assert data["children"][0]["values"] == [{"operand": "lifetime.sales", "value": "1000"}]
    assert data["children"][1]["children"][1]["values"][0]["value"] == "2025-07-04T12:00:00+00:00"
    assert not TREE


def test_memory_needs_neither_sqlalchemy_nor_lark() -> None:
    code = "import sys, segrules.memory; print(sorted({'sqlalchemy', 'lark', 'pluggy'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
