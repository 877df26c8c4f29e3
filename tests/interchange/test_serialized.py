"""PHP's serialize is read exactly where it is plain data, and refused everywhere else."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segrules.interchange.maho import SerializedError, unserialize
from segrules.interchange.maho.serialized import Bounds


def serialized(value):
    """As PHP writes it; lengths are bytes."""
    match value:
        case None:
            return b"N;"
        case bool():
            return b"b:%d;" % value
        case int():
            return b"i:%d;" % value
        case Decimal():
            return f"d:{value};".encode()
        case str():
            raw = value.encode()
            return b's:%d:"%s";' % (len(raw), raw)
        case _:
            inner = b"".join(serialized(name) + serialized(each) for name, each in value.items())
            return b"a:%d:{%s}" % (len(value), inner)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000),
    lambda inner: st.dictionaries(st.integers(-5, 5) | st.text('aé"};', max_size=3), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(plain)
def test_plain_data_comes_back(value):
    assert unserialize(serialized(value)) == value


@settings(max_examples=200)
@given(plain, st.data())
def test_any_damage_is_an_error_or_plain_data(value, data):
    raw = bytearray(serialized(value))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.sampled_from(b'0123456789:;{}"asidbNOCRrE-.\x00\xff') | st.integers(0, 255))
    with suppress(SerializedError):
        unserialize(bytes(raw))


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text('asidbNOCREr0123456789:;{}"-', max_size=40).map(str.encode))
def test_any_bytes(raw):
    with suppress(SerializedError):
        unserialize(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'O:8:"stdClass":0:{}', "an object is refused: only plain data is read (at byte 0)"),
        (
            b'a:1:{i:0;O:29:"Zend_Log_Writer_Mail_Something":0:{}}',
            "an object is refused: only plain data is read (at byte 9)",
        ),
        (b'C:11:"ArrayObject":21:{x:i:0;a:0:{};m:a:0:{}}', "an object is refused: only plain data is read (at byte 0)"),
        (b'E:11:"Suit:Hearts";', "an enumeration is refused: only plain data is read (at byte 0)"),
        (b"a:2:{i:0;i:1;i:1;R:2;}", "a reference is refused: only plain data is read (at byte 17)"),
        (b"a:2:{i:0;i:1;i:1;r:2;}", "a reference is refused: only plain data is read (at byte 17)"),
        (b'S:1:"\\41";', "an escaped text is refused: only plain data is read (at byte 0)"),
        (b'a:1:{O:8:"stdClass":0:{}i:1;}', "here should be a key: a whole number or a text (at byte 5)"),
        (b"a:1:{b:1;i:1;}", "here should be a key: a whole number or a text (at byte 5)"),
        (b"a:1:{a:0:{}i:1;}", "here should be a key: a whole number or a text (at byte 5)"),
        (b'a:2:{s:1:"a";i:1;s:1:"a";i:2;}', "the key 'a' stands there twice (at byte 17)"),
        (b"a:2:{i:1;i:1;i:1;i:2;}", "the key 1 stands there twice (at byte 13)"),
        (b"i:1;i:2;", "something stands behind the end of the data (at byte 4)"),
        (b"i:1;\n", "something stands behind the end of the data (at byte 4)"),
        (b"i:9223372036854775808;", "the number has more than 64 bits (at byte 2)"),
        (b"i:99999999999999999999999999;", 'here should be ";" (at byte 21)'),
        (b"i:01;", 'here should be ";" (at byte 3)'),
        (b"i:+1;", "here should be a whole number (at byte 2)"),
        (b"i: 1;", "here should be a whole number (at byte 2)"),
        (b"b:2;", "here should be 0 or 1 (at byte 2)"),
        (b"d:NAN;", "here should be a finite number (at byte 2)"),
        (b"d:INF;", "here should be a finite number (at byte 2)"),
        (b"d:1e9999;", 'here should be ";" (at byte 7)'),
        ('s:1:"é";'.encode(), "the text is not 1 bytes long (at byte 2)"),
        (b's:3:"ab";', "the text is not 3 bytes long (at byte 2)"),
        (b's:999999999:"ab";', "the text is not 999999999 bytes long (at byte 2)"),
        (b's:-1:"ab";', "here should be a length (at byte 2)"),
        (b's:2:"\xff\xfe";', "the text is not UTF-8 (at byte 2)"),
        (b"a:999999999:{", "there are more than 10,000 values (at byte 12)"),
        (b"a:2:{i:0;i:1;}", "here should be a key: a whole number or a text (at byte 13)"),
        (b"a:0:{", 'here should be "}" (at byte 5)'),
        (b"", "the data ends too early (at byte 0)"),
        (b"x:1;", "here should be a value (at byte 0)"),
        (b"a:1:{i:0;" * 33 + b"i:1;" + b"}" * 33, "the arrays are nested deeper than 32 levels (at byte 290)"),
        (b"a:1:{i:0;" * 50_000, "the arrays are nested deeper than 32 levels (at byte 290)"),
        (b"i:1;" + b" " * (1 << 20), "there are more than 1,048,576 bytes (at byte 1048576)"),
    ],
)
def test_what_is_refused(raw, message):
    with pytest.raises(SerializedError) as caught:
        unserialize(raw)
    assert str(caught.value) == message


def test_values_are_counted_over_all_arrays():
    many = b"a:3:{" + b"".join(b"i:%d;" % n + serialized(dict.fromkeys(range(4000), 1)) for n in range(3)) + b"}"
    with pytest.raises(SerializedError, match=r"more than 10,000 values"):
        unserialize(many)
    assert len(unserialize(serialized(dict.fromkeys(range(4000), 1)))) == 4000
    assert unserialize(b"a:1:{i:0;" * 32 + b"i:1;" + b"}" * 32)
    with pytest.raises(SerializedError, match="deeper than 2 levels"):
        unserialize(b"a:1:{i:0;a:1:{i:0;a:0:{}}}", Bounds(depth=2))
