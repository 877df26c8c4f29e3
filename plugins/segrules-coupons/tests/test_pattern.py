import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segrules_coupons import Pattern, PatternError
from segrules_coupons.pattern import ALPHABET, masked, normalised

DIGITS = "23456789"
ALPHABETS = (ALPHABET, DIGITS, "23456789ABCDEFGHJKMNPQRSTUVWXYZ", "BCDFGHJKM", "23")
DENSITY = Fraction(1, 1_000_000)


def test_a_code_has_the_form_of_its_pattern() -> None:
    pattern = Pattern("CART-####-####-####?")
    codes = pattern.codes(1000)
    assert len(set(codes)) == 1000
    for code in codes:
        assert code.startswith("CART")
        assert len(code) == 17
        assert pattern.fits(code)
        assert pattern.is_sound(code)
        shown = pattern.shown(code)
        assert [len(part) for part in shown.split("-")] == [4, 4, 4, 5]
        assert normalised(shown.lower()) == code


def test_the_alphabet_has_no_look_alikes_and_no_vowels() -> None:
    assert len(ALPHABET) == 28
    assert not set(ALPHABET) & set("0O1ILAEU")


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("cart-7kq2", "CART7KQ2"),
        (" CART 7KQ2\n", "CART7KQ2"),
        ("CART\u20137KQ2", "CART7KQ2"),  # a word processor's dash
        ("CART\u22127\u00a0KQ2\u200b", "CART7KQ2"),
        ("\uff23\uff21\uff32\uff34\uff17", "CART7"),  # full width
        ("CART_7", None),
        ("", None),
        ("C\u0410RT", None),  # a Cyrillic letter that looks like A
        ("A" * 65, None),
        ("A" * 100_000, None),
    ],
)
def test_what_people_type(typed: str, code: str | None) -> None:
    assert normalised(typed) == code


def test_a_log_shows_four_characters() -> None:
    assert masked("CART7KQ2MXV9") == "…MXV9"


# --- the check character ---


@pytest.mark.parametrize("alphabet", [each for each in ALPHABETS if len(each) % 2 == 0])
def test_every_single_mistake_is_noticed(alphabet: str) -> None:
    pattern = Pattern("######?", alphabet)
    for code in pattern.codes(20):
        for place in range(len(code)):
            for sign in set(alphabet) - {code[place]}:
                assert not pattern.is_sound(code[:place] + sign + code[place + 1 :])


def test_swapped_neighbours_are_noticed_but_for_one_pair() -> None:
    pattern = Pattern("##?")
    missed = set()
    for first in ALPHABET:
        for second in ALPHABET:
            body = first + second
            code = next(body + check for check in ALPHABET if pattern.is_sound(body + check))
            if first != second and pattern.is_sound(second + first + code[2]):
                missed.add(frozenset(body))
    assert missed == {frozenset((ALPHABET[0], ALPHABET[-1]))}


def test_the_check_character_is_luhns() -> None:
    """The published algorithm for N signs, written down plainly."""

    def luhn(body: str) -> str:
        total, factor = 0, 2
        for sign in reversed(body):
            addend = factor * ALPHABET.index(sign)
            total += addend // 28 + addend % 28
            factor = 3 - factor
        return ALPHABET[(28 - total % 28) % 28]

    for width in (1, 2, 7, 12):
        pattern = Pattern("#" * width + "?")
        assert all(code[-1] == luhn(code[:-1]) for code in pattern.codes(300))


# --- randomness ---


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_every_sign_is_as_likely_as_any_other(alphabet: str) -> None:
    """Chi-square on a million characters, and on the pairs of neighbours; fair signs fail once in 100,000 times."""
    signs = "".join(Pattern("#" * 10, alphabet).codes(100_000))
    size = len(alphabet)
    assert not set(signs) - set(alphabet)
    assert _chi_square(Counter(signs).values(), size) < _critical(size - 1)
    pairs = Counter(map("".join, zip(signs[::2], signs[1::2], strict=True)))
    assert _chi_square(pairs.values(), size * size) < _critical(size * size - 1)


def _chi_square(counts: object, cells: int) -> float:
    values = list(counts)  # type: ignore[call-overload]
    values += [0] * (cells - len(values))
    expected = sum(values) / cells
    return sum((value - expected) ** 2 / expected for value in values)


def _critical(freedom: int) -> float:
    """Where one in a hundred thousand lies above, after Wilson and Hilferty."""
    part = 2 / (9 * freedom)
    return freedom * (1 - part + 4.265 * math.sqrt(part)) ** 3


# --- how hard a code is to guess ---


def test_room() -> None:
    pattern = Pattern("CART-####-####-####")
    assert pattern.space == 28**12
    assert round(pattern.entropy, 1) == 57.7
    pattern.check_room(1_000_000, DENSITY)
    Pattern("######?").check_room(481, DENSITY)
    with pytest.raises(
        PatternError,
        match=r'"######\?" has 481,890,304 codes \(28.8 bits\), which is too few for 482 .* one guess in 999,772 would '
        r"hit. Write 7 # or more",
    ):
        Pattern("######?").check_room(482, DENSITY)


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cart-####", '"cart-####" is no pattern: write a prefix of up to 10 capitals and digits'),
        ("CART", "has no random character: write # for each"),
        ("ABCDEFGHIJK####", "is no pattern"),
        ("##A##", "is no pattern"),
        ("?####", "is no pattern"),
        ("####??", "is no pattern"),
        ("#" * 65, "a pattern has at most 64 characters; this one has 65"),
        ("", "has no random character"),
        ("CART-####\n", "is no pattern"),
    ],
)
def test_refused_patterns(text: str, message: str) -> None:
    with pytest.raises(PatternError) as error:
        Pattern(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("alphabet", "message"),
    [
        ("0123456789", 'the alphabet "0123456789" has 0 1, which people take for each other'),
        ("AA", '"AA" is no alphabet'),
        ("ab", '"ab" is no alphabet'),
        ("2", '"2" is no alphabet'),
    ],
)
def test_refused_alphabets(alphabet: str, message: str) -> None:
    with pytest.raises(PatternError) as error:
        Pattern("####", alphabet)
    assert message in str(error.value)


def test_a_check_character_needs_an_even_alphabet() -> None:
    with pytest.raises(PatternError, match="even number of signs; this one has 9"):
        Pattern("####?", "BCDFGHJKM")


# --- the legacy form ---


def test_legacy() -> None:
    pattern = Pattern.legacy("CART")
    [code] = pattern.codes(1, "12345")
    assert code.startswith("CART12345")
    assert len(code) == 19
    assert pattern.fits(code)
    assert pattern.shown(code) == code
    with pytest.raises(PatternError, match="puts the customer into the code, and 'a@b' cannot stand there"):
        pattern.codes(1, "a@b")


# --- patterns beside each other ---

PATTERNS = [
    Pattern(text)
    for text in ("A-####", "A-####?", "A-#####", "AB-###?", "AB-####", "A@####", "####?", "#####", "A-##-##", "Z###?")
]


@given(st.sampled_from(PATTERNS), st.sampled_from(PATTERNS), st.integers(1, 30))
def test_codes_are_taken_for_mistyped_ones_of_another_only_where_it_is_said(
    one: Pattern, other: Pattern, customer: int
) -> None:
    codes = one.codes(50, str(customer) if one.is_personal else "")
    if any(other.fits(code) and not other.is_sound(code) for code in codes) and one != other:
        assert one.is_confused_with(other)
        assert other.is_confused_with(one)


def test_the_same_form_with_other_dashes_is_no_danger() -> None:
    assert not Pattern("A-####?").is_confused_with(Pattern("A-##-##?"))
