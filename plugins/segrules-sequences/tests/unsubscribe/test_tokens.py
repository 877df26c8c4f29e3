"""Unsubscribe tokens: only ours are read, and keys can change."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segrules_sequences.errors import SettingsError
from segrules_sequences.unsubscribe import Keys, UnsubscribeLinks, Wish

OLD, NEW, OTHER = bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34))
LINKS = UnsubscribeLinks("https://shop.example/u/", Keys({"2025b": NEW, "2025a": OLD}))

customers = st.one_of(st.integers(-(10**18), 10**18), st.text(max_size=64))
topics = st.text(max_size=64)


@given(customers, topics)
def test_a_token_says_what_was_put_in(customer, topic):
    token = LINKS.token(customer, topic)
    assert LINKS.read(token) == Wish(customer, topic)
    assert type(LINKS.read(token).customer) is type(customer)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert LINKS.link(customer, topic) == f"https://shop.example/u/{token}"


@given(customers, topics, st.data())
def test_no_other_token_is_read(customer, topic, data):
    token = LINKS.token(customer, topic)
    place = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.sampled_from("AaZz09-_.=% é"))
    changed = token[:place] + char + token[place + 1 :]
    found = LINKS.read(changed)
    # Base64 has a few spellings of one value; what is said stays the same in each of them.
    assert found is None or found == Wish(customer, topic)
    assert LINKS.read(token[:-1]) is None
    assert LINKS.read(token + "A") in (None, Wish(customer, topic))


@given(st.text(max_size=700))
def test_anything_may_be_asked(text):
    assert LINKS.read(text) is None


def test_keys_change_and_old_links_work():
    before = UnsubscribeLinks("https://shop.example/u", Keys({"2025a": OLD}))
    token = before.token(7, "offers")
    assert LINKS.read(token) == Wish(7, "offers")
    assert before.read(LINKS.token(7, "offers")) is None
    assert UnsubscribeLinks("https://shop.example/u", Keys({"2025a": OTHER})).read(token) is None
    assert UnsubscribeLinks("https://shop.example/u", Keys({"2025b": OLD})).read(token) is None


def test_nobody_signs_with_a_key_that_is_not_there():
    import hashlib
    import hmac

    from segrules_sequences.unsubscribe.tokens import _PURPOSE

    for name in ("none", "", 3):
        content = json.dumps([1, name, 7, "offers"], separators=(",", ":")).encode()
        signature = hmac.new(b"", _PURPOSE + content, hashlib.sha256).digest()[:16]
        parts = (base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (content, signature))
        assert LINKS.read(".".join(parts)) is None


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("SHOP_KEYS", f"b:{NEW.hex()}, a:{OLD.hex()}")
    keys = Keys.from_environment("SHOP_KEYS")
    assert keys == Keys({"b": NEW, "a": OLD})
    assert keys.current == "b"
    assert (
        repr(UnsubscribeLinks("https://shop.example", keys))
        == "UnsubscribeLinks(url='https://shop.example', keys=Keys(b, a))"
    )
    for text in ("", "b", "b:xyz", f"b:{NEW.hex()}z"):
        monkeypatch.setenv("SHOP_KEYS", text)
        with pytest.raises(SettingsError) as caught:
            Keys.from_environment("SHOP_KEYS")
        assert NEW.hex() not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Keys({}), "there is no key"),
        (lambda: Keys({"a": b"short"}), "the key 'a' has 5 bytes; 16 are the least"),
        (lambda: Keys({"a b": OLD}), "the name of a key"),
        (lambda: UnsubscribeLinks("http://shop.example/u", Keys({"a": OLD})), "mail providers take https only"),
        (
            lambda: UnsubscribeLinks("http://localhost.evil.example/u", Keys({"a": OLD})),
            "mail providers take https only",
        ),
        (lambda: UnsubscribeLinks("https://shop.example/u?x=1", Keys({"a": OLD})), "the token goes at its end"),
        (lambda: UnsubscribeLinks("shop.example", Keys({"a": OLD})), "it must be an address like"),
        (lambda: UnsubscribeLinks("https://shop.example/\r\nX: y", Keys({"a": OLD})), "it must be an address like"),
        (lambda: LINKS.token(1.5, "offers"), "of type float cannot stand in a link"),
        (lambda: LINKS.token("x" * 600, "offers"), "too long for a link"),
    ],
)
def test_settings_that_do_not_work(make, message):
    with pytest.raises(SettingsError, match=message):
        make()
