"""The seam to the e-mail sequences: a hook that both know by name, and one transaction."""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import attrs
import pluggy
import pytest
import segrules.hookspecs
import sqlalchemy as sa
from segrules.hookspecs import PROJECT
from segrules.vocabulary import Vocabulary

import segrules_coupons.plugin
from segrules_coupons import CouponError, CouponStore, SalesRule, SalesRuleError, steps


@pytest.fixture(autouse=True)
def nothing_served() -> Iterator[None]:
    yield
    steps._served.clear()


@pytest.fixture
def ready(store: CouponStore) -> CouponStore:
    store.save(
        SalesRule(
            key="winback", name="Win-back", description="Come back", amount=15, needs_code=True, currency="EUR",
            min_subtotal=50, free_shipping=True,
        )
    )  # fmt: skip
    return store


def asked(
    store: CouponStore, coupon: Mapping[str, Any] | None, key: str = "delivery-1", zone: str | None = "Europe/Rome"
) -> dict[str, Any]:
    """What the hook answers, in a transaction that is committed."""
    step = SimpleNamespace(name="second", coupon=coupon)
    enrolment = SimpleNamespace(sequence="Win back", segment="Lost", customer=1, key=key, at=datetime.now(UTC))
    recipient = SimpleNamespace(id=1, zone=zone)
    manager = pluggy.PluginManager(PROJECT)
    manager.register(segrules_coupons.plugin)
    with store.engine.begin() as connection:
        [found] = manager.hook.segrules_step_context(
            connection=connection, step=step, enrolment=enrolment, recipient=recipient
        )
    return dict(found)


def test_the_variables_of_a_step(ready: CouponStore) -> None:
    wanted = {"rule": "winback", "prefix": "BACK", "days": 7, "apply_url": "https://shop.example/?c={code}"}
    found = asked(ready, wanted)
    code = ready.find(found["coupon_code"])
    assert code is not None
    assert code.code.startswith("BACK-")
    assert (code.customer, code.source, code.bound) == ("1", "Win back/second", True)
    assert code.expires is not None
    assert timedelta(days=6, hours=23) < code.expires - datetime.now(UTC) <= timedelta(days=7, minutes=1)
    assert found["coupon_discount_text"] == "15% off and free shipping"
    assert str(found["coupon_discount_amount"]) == "15.00"
    assert found["coupon_description"] == "Come back"
    assert isinstance(found["coupon_expires_date"], date)
    assert found["coupon_expires_formatted"].endswith(f", {found['coupon_expires_date'].year}")
    assert str(found["coupon_min_subtotal"]) == "50.00"
    assert found["coupon_apply_url"] == f"https://shop.example/?c={code.code}"
    # the mail is tried again: the same code, and no other is made
    assert asked(ready, wanted) == found
    assert asked(ready, wanted, key="delivery-2")["coupon_code"] != code.code
    again = asked(ready, {**wanted, "reuse_unused": True}, key="delivery-3")
    assert len(list(ready.codes())) == 2
    assert again["coupon_code"] in {each.code for each in ready.codes()}
    assert [each.issued for each in ready.statistics("winback") if each.source] == [2]


def test_code_and_mail_are_undone_together(ready: CouponStore) -> None:
    step = SimpleNamespace(name="s", coupon={"rule": "winback"})
    enrolment, recipient = SimpleNamespace(sequence="q", key="k"), SimpleNamespace(id=1, zone=None)
    with ready.engine.connect() as connection:
        found = steps.context(connection, step, enrolment, recipient)
        assert found["coupon_expires_date"] is None
        connection.rollback()
    assert ready.find(found["coupon_code"]) is None


def test_a_step_without_a_coupon(lite: CouponStore) -> None:
    assert asked(lite, None) == {}


@pytest.mark.parametrize(
    ("zone", "last", "text"),
    [
        ("UTC", date(2025, 11, 20), "Nov 20, 2025"),
        ("Asia/Tokyo", date(2025, 11, 21), "Nov 21, 2025"),
        ("America/Los_Angeles", date(2025, 11, 20), "Nov 20, 2025"),
        ("No/Such", date(2025, 11, 20), "Nov 20, 2025"),
        (None, date(2025, 11, 20), "Nov 20, 2025"),
    ],
)
def test_the_last_day_is_that_of_the_reader(lite: CouponStore, zone: str | None, last: date, text: str) -> None:
    """A code that ends at midnight is good on the day before."""
    rule = lite.save(SalesRule(key="a", action="cart_fixed", amount="10", currency="JPY", needs_code=True))
    code = lite.issue("a", 1, "k", expires=datetime(2025, 11, 21, tzinfo=UTC))
    found = steps.variables(code, rule, zone=steps._zone(zone))
    assert (found["coupon_expires_date"], found["coupon_expires_formatted"]) == (last, text)
    assert (found["coupon_discount_text"], found["coupon_discount_amount"]) == ("10 JPY off", Decimal(10))
    assert found["coupon_min_subtotal"] is found["coupon_apply_url"] is None


@pytest.mark.parametrize(
    ("coupon", "message"),
    [
        ({}, "coupon: it does not name the sales rule; write rule = …"),
        ({"rule": "winback", "day": 7}, 'coupon: "day" means nothing; there are rule, prefix, pattern, days'),
        ({"rule": "winback", "days": 0}, "coupon: days is 0; write 1 to 3660, or leave it out for a code that never"),
        ({"rule": "winback", "days": True}, "coupon: days is True"),
        ({"rule": 7}, "coupon: rule is 7; write text"),
        ({"rule": "winback", "reuse_unused": "yes"}, "coupon: reuse_unused is 'yes'; write true or false"),
        ({"rule": "winback", "prefix": "A", "pattern": "B-####"}, "coupon: give a prefix or a pattern, not both"),
        ({"rule": "winback", "prefix": "a b"}, "is no pattern: write a prefix of up to 10 capitals and digits"),
        ({"rule": "winback", "apply_url": "https://x"}, "write {code} where the code goes"),
        ({"rule": "nothing"}, 'there is no sales rule "nothing"'),
    ],
)
def test_refused_steps(stores: Any, coupon: Mapping[str, Any], message: str) -> None:
    store: CouponStore = stores("sqlite")
    store.save(SalesRule(key="winback", amount=15, needs_code=True))
    with pytest.raises(CouponError) as error:
        asked(store, coupon)
    assert message in str(error.value)


def test_tables_under_another_name(lite: CouponStore, monkeypatch: pytest.MonkeyPatch) -> None:
    other = CouponStore(lite.engine, lite.shop, prefix="other_")
    other.create_tables()
    other.save(SalesRule(key="mine", amount=15, needs_code=True))
    with pytest.raises(SalesRuleError, match='there is no sales rule "mine"'):
        asked(lite, {"rule": "mine"})
    monkeypatch.setenv("SEGRULES_PREFIX", "other_")
    assert asked(lite, {"rule": "mine"})["coupon_discount_text"] == "15% off"
    monkeypatch.delenv("SEGRULES_PREFIX")
    steps.serve(other)
    assert asked(lite, {"rule": "mine"}, key="d2")["coupon_discount_text"] == "15% off"
    steps.serve(CouponStore(sa.create_engine("sqlite://"), prefix="other_"))
    assert asked(lite, {"rule": "mine"}, key="d3")["coupon_discount_text"] == "15% off"
    other.metadata.drop_all(lite.engine)


def test_segrules_loads_the_plugin() -> None:
    assert Vocabulary.installed()
    assert "segrules_coupons.plugin" in sys.modules


def test_the_sequences_hook_takes_this_one() -> None:
    """Where the sequences are installed, their own specification accepts the implementation."""
    if importlib.util.find_spec("segrules_sequences") is None:
        pytest.skip("segrules-sequences is not installed")
    from segrules_sequences import hookspecs

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(segrules.hookspecs)
    manager.add_hookspecs(hookspecs)
    manager.register(segrules_coupons.plugin)
    manager.check_pending()
    for hook in (manager.hook.segrules_step_context, manager.hook.segrules_step_redemptions):
        assert [each.plugin for each in hook.get_hookimpls()] == [segrules_coupons.plugin]


def test_the_plugin_loads_no_database() -> None:
    import subprocess

    code = (
        "import segrules_coupons.plugin, sys; print([m for m in sys.modules if m.startswith(('sqlalchemy', 'lark'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Post:
    """Writes mails and takes them; who got which code."""

    name = "post"
    caps: Any = None

    def __init__(self) -> None:
        self.codes: dict[str, list[str]] = {}

    def check(self, template: str, *, coupon: bool = True) -> None:
        pass

    def compose(self, letter: Any) -> Any:
        from segrules_sequences.ports import Composed

        text = f"Message-ID: {letter.message_id}\r\n\r\n{letter.extra.get('coupon_code', '')}"
        return Composed("s", text.encode(), "1")

    def send(self, mail: Any, deadline: float) -> Any:
        from segrules_sequences.ports import Receipt

        self.codes.setdefault(mail.recipient, []).append(mail.mime.decode().split("\r\n\r\n")[1])
        return Receipt()

    def close(self) -> None:
        pass


@pytest.fixture
def mailing(store: CouponStore) -> Iterator[tuple[Any, Post]]:
    """Where the sequences are installed: those of a shop whose first customer, in VIP, may be mailed."""
    sequences = pytest.importorskip("segrules_sequences")
    from segrules_sequences.ports import SenderCaps

    assert store.segments is not None
    subscriptions = store.shop.tables["newsletter_subscriptions"]  # type: ignore[attr-defined]
    with store.engine.begin() as connection:
        rows = [{"customer_id": n, "status": "subscribed", "changed_at": datetime(2025, 1, 1)} for n in (1, 2, 3)]
        connection.execute(subscriptions.insert(), rows)
    post = Post()
    post.caps = SenderCaps()
    made = sequences.Sequences(store.segments, composer=post, senders={"post": lambda: post}, key=b"k" * 16)
    made.create_tables()
    yield made, post
    made.metadata.drop_all(store.engine)
    with store.engine.begin() as connection:
        connection.execute(sa.delete(subscriptions))
    store.segments.save(attrs.evolve(store.segments.get("VIP"), rule="customer.id = 1"))


def entered(store: CouponStore, made: Any, rule: str) -> None:
    """Those whom the rule says enter VIP, and all their mails go out."""
    assert store.segments is not None
    store.segments.save(attrs.evolve(store.segments.get("VIP"), rule="false"))
    store.segments.refresh("VIP")
    store.segments.save(attrs.evolve(store.segments.get("VIP"), rule=rule))
    store.segments.refresh("VIP")
    worker = made.worker()
    while worker.run_once()["claimed"]:
        pass
    worker.close()


def test_a_sequence_mails_a_coupon(store: CouponStore, mailing: tuple[Any, Post]) -> None:
    """From the segment to the mail with a code that the store knows."""
    from segrules_sequences import Sequence, Step

    made, post = mailing
    store.save(SalesRule(key="winback", amount=15, needs_code=True))
    step = Step(delay="0 minutes", template="back", coupon={"rule": "winback", "prefix": "BACK", "days": 7})
    made.save(Sequence(name="q", segment="VIP", address="a@example.com", sender="post", member=False, steps=[step]))
    entered(store, made, "customer.id = 1")
    [code] = list(store.codes())
    assert post.codes == {"c1@example.com": [code.code]}
    assert (code.customer, code.source) == ("1", "q/back")


def test_what_the_shop_redeems_is_told_by_step_and_variant(store: CouponStore, mailing: tuple[Any, Post]) -> None:
    """Both packages for real: codes go out with mails, orders use some of them, the statistics know whose they were."""
    from segrules_sequences import Sequence, Step, Variant

    made, post = mailing
    ten = {"rule": "ten", "reuse_unused": True}
    store.save(SalesRule(key="ten", amount=10, needs_code=True, currency="EUR", uses_per_coupon=1))
    store.save(SalesRule(key="kind", action="cart_fixed", amount=5, needs_code=True, currency="USD"))
    forms = [
        Variant(name="ten", template="t", coupon=ten),
        Variant(name="kind", template="k", coupon={"rule": "kind"}, weight=0),
        Variant(name="none", template="n", weight=0),
    ]
    steps = [
        Step(delay="0 minutes", name="one", variants=forms),
        Step(delay="0 minutes", template="two", coupon=ten),
        Step(delay="0 minutes", template="three"),
    ]
    made.save(
        Sequence(
            name="q",
            segment="VIP",
            address="a@example.com",
            sender="post",
            member=False,
            steps=steps,
            gap="0 minutes",
            reentry="always",
        )
    )
    entered(store, made, "true")
    codes = {who: sent[1] for who, sent in post.codes.items()}
    assert all(len(sent) == 3 and sent[0] and not sent[2] for sent in post.codes.values())

    def told() -> tuple[Any, Any, Any, Any]:
        (figures,) = made.statistics()
        one, two, three = figures.steps
        return one.coupons, one.variants[0].coupons, two.coupons, three.coupons

    nothing = (3, 0, {})
    one, ten_of_one, two, three = told()
    assert attrs.astuple(one) == attrs.astuple(ten_of_one) == attrs.astuple(two) == nothing and three is None
    store.reserve("order 1", codes["c1@example.com"], customer=1)
    assert attrs.astuple(told()[2]) == nothing, "a use that is held is none yet"
    store.confirm("order 1", revenue=Decimal("80.50"))
    store.reserve("order 2", post.codes["c2@example.com"][0], customer=2)
    store.confirm("order 2")
    one, ten_of_one, two, _ = told()
    assert attrs.astuple(one) == attrs.astuple(ten_of_one) == (3, 1, {})
    assert attrs.astuple(two) == (3, 1, {"EUR": Decimal("80.50")})
    entered(store, made, "customer.id = 3")
    assert post.codes["c3@example.com"][4] == codes["c3@example.com"], "it was not used, so it is given out again"
    store.reserve("order 3", codes["c3@example.com"], customer=3)
    store.confirm("order 3", revenue=Decimal("9.50"))
    assert attrs.astuple(told()[2]) == (4, 2, {"EUR": Decimal(90)}), "used once, whichever mail it was in"
    forms = [attrs.evolve(forms[1], weight=1), forms[2]]
    kind = attrs.evolve(made.get("q"), steps=[attrs.evolve(steps[0], variants=forms)])
    made.save(kind)
    post.codes.clear()
    entered(store, made, "customer.id = 3")
    store.reserve("order 4", post.codes["c3@example.com"][0], customer=3)
    store.confirm("order 4", revenue=Decimal(20))
    (figures,) = made.statistics()
    variants = {each.variant: each.coupons for each in figures.steps[0].variants}
    assert attrs.astuple(variants["kind"]) == (1, 1, {"USD": Decimal(20)}) and variants["none"] is None
    assert attrs.astuple(figures.steps[0].coupons) == (5, 2, {"USD": Decimal(20)})


def test_without_a_store_nothing_was_redeemed(mailing: tuple[Any, Post], monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = mailing
    monkeypatch.setenv("SEGRULES_PREFIX", "absent_")
    with made.store.engine.connect() as connection:
        assert segrules_coupons.plugin.segrules_step_redemptions(connection) is None
    assert made.statistics() == []
