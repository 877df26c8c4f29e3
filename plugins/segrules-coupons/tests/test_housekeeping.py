"""Withdrawing, deleting, exporting, counting."""

import csv
import io
import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
import sqlalchemy as sa

from segrules_coupons import CouponError, CouponStore, SalesRule
from segrules_coupons.statistics import Figures

PAST = datetime.now(UTC) - timedelta(days=10)


@pytest.fixture
def ready(store: CouponStore) -> CouponStore:
    store.save_all([SalesRule(key=key, amount=10, needs_code=True) for key in ("a", "b")])
    return store


def end(store: CouponStore, *codes: str) -> None:
    """These codes, or all, have expired ten days ago."""
    coupons = store.tables.coupons
    expired = sa.update(coupons).values(expires=PAST)
    if codes:
        expired = expired.where(coupons.c.code.in_([each.replace("-", "") for each in codes]))
    with store.engine.begin() as connection:
        connection.execute(expired)


def test_only_expired_unused_codes_of_batches_are_deleted(ready: CouponStore) -> None:
    ready.make_batch("june", "a", 30)
    mine = ready.issue("b", 1, "k")
    chosen = ready.choose_code("a", "SUMMER")
    used, held, released, late, *_ = ready.codes(batch="june")
    for order, code in (("used", used), ("held", held), ("released", released), ("late", late)):
        ready.reserve(order, code.code, 1)
    ready.confirm("used")
    ready.release("released")
    ready.issue("b", 2, "never expires")
    end(ready, mine.code, chosen.code, *(each.code for each in ready.codes(batch="june")))
    assert ready.clean(older_than=timedelta(days=11)) == 0
    assert ready.clean() == 30 - 3 + 1
    left = {each.code for each in ready.codes()}
    assert {used.code, held.code, late.code, "SUMMER"} < left
    assert len(left) == 5
    assert ready.batch("june").cleaned == 27
    assert ready.clean() == 0
    with pytest.raises(CouponError, match='the order "released" has reserved nothing'):
        ready.reservation("released")
    assert ready.issue("b", 1, "k").code != mine.code
    figures = {each.rule: each for each in ready.statistics() if each.source}
    assert (figures["a"].issued, figures["a"].cleaned, figures["a"].confirmed) == (30, 27, 1)
    with pytest.raises(CouponError, match="older_than is how long ago codes expired"):
        ready.clean(older_than=timedelta(days=-1))


def test_withdrawing(ready: CouponStore) -> None:
    ready.make_batch("june", "a", 5)
    first, *_ = ready.codes(batch="june")
    assert (ready.void([first.code.lower()]), ready.void(first.code)) == (1, 0)
    assert ready.void(batch="june") == 4
    with pytest.raises(CouponError, match="there is no code …9999"):
        ready.void([first.code, "NOT-9999"])


def test_statistics(ready: CouponStore) -> None:
    ready.save(SalesRule(key="auto", amount=1))
    ready.make_batch("june", "a", 10)
    mails = [ready.issue("a", n, f"k{n}", source="welcome/2", bound=False).code for n in range(4)]
    cart = {"currency": "EUR", "items": [{"price": "50"}]}
    for n, code in enumerate(mails[:3]):
        ready.reserve(f"o{n}", ready.price(cart, n, codes=[code]) if n else code, None if n else 0)
        ready.confirm(f"o{n}", revenue=Decimal("44.55") + n) if n else ready.release("o0")
    ready.reserve("held", mails[3], 3)
    end(ready, mails[0])
    assert ready.statistics("a") == [
        Figures(rule="a", source=""),
        Figures(rule="a", source="june", issued=10, live=10),
        Figures(
            rule="a", source="welcome/2", issued=4, live=0, reserved=1, confirmed=2, released=1,
            discount={"EUR": Decimal(10)}, revenue={"EUR": Decimal("92.10")},
        ),
    ]  # fmt: skip
    assert [each.rule for each in ready.statistics()] == ["a", "a", "a", "auto", "b"]
    with pytest.raises(CouponError, match='there is no sales rule "none"'):
        ready.statistics("none")


def test_an_export_is_text_to_a_spreadsheet(ready: CouponStore, tmp_path: Path) -> None:
    ready.issue("a", "=HYPERLINK(1)", "k1", source="+1", expires=datetime(2099, 1, 1, tzinfo=UTC))
    ready.issue("a", '@x, "y"', "k2", source="-2")
    ready.issue("a", "7", "k3")
    path = tmp_path / "codes.csv"
    assert ready.export(path, rule="a") == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert [row["customer"] for row in rows] == ["'=HYPERLINK(1)", '\'@x, "y"', "7"]
    assert [row["source"] for row in rows] == ["'+1", "'-2", ""]
    assert rows[0]["expires"] == "2099-01-01T00:00:00Z"
    assert rows[0]["uses"] == "0"
    assert not [cell for row in rows for cell in row.values() if cell and cell[0] in "=+-@\t\r"]
    text = io.StringIO()
    assert ready.export(text) == 3
    assert text.getvalue() == path.read_text(encoding="utf-8")
    assert [each.name for each in tmp_path.iterdir()] == ["codes.csv"]


def test_an_export_that_fails_leaves_the_old_file(lite: CouponStore, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("old")
    with pytest.raises(CouponError, match='there is no batch "none"'):
        lite.export(path, batch="none")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["codes.csv"]
    with pytest.raises(CouponError, match="cannot be written: No such file"):
        lite.export(tmp_path / "nowhere" / "codes.csv")


def test_a_batch_keeps_its_limits_when_its_rule_changes(ready: CouponStore) -> None:
    ready.make_batch("june", "a", 3)
    ready.save(attrs.evolve(ready.get("a"), uses_per_coupon=None))
    assert {each.max_uses for each in ready.codes(batch="june")} == {1}
