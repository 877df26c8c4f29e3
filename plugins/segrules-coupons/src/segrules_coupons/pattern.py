"""Coupon codes by pattern: how they are made, checked, shown, and how hard they are to guess."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from math import log2

from attrs import field, frozen

from segrules_coupons.errors import PatternError

#: Without 0 O 1 I L, which look alike, and without vowels, so that no words come out.
ALPHABET = "23456789BCDFGHJKMNPQRSTVWXYZ"
#: What follows a prefix when nobody asks for another pattern.
USUAL = "####-####-####?"

_LOOK_ALIKE = "0O1IL"
_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LONGEST = 64
_FORM = re.compile(r"(?P<prefix>[A-Z0-9]{0,10})(?P<owner>-?@)?(?P<body>[-#]*)(?P<check>-?\?)?\Z")
_CODE = re.compile(r"[A-Z0-9]{1,64}\Z")
_OWNER = re.compile(r"[A-Z0-9]{1,20}\Z")
_MINUS = "\u2212"


def normalised(typed: str) -> str | None:
    """A code as it is kept: capitals and digits without blanks and dashes; None when it cannot be a code."""
    folded = unicodedata.normalize("NFKC", typed[:200]).upper()
    kept = "".join(each for each in folded if unicodedata.category(each) not in _PASSED_OVER and each != _MINUS)
    return kept if _CODE.match(kept) else None


#: Blanks of every width, dashes of every length, what cannot be seen.
_PASSED_OVER = {"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"}


def masked(code: str) -> str:
    """A code as it may stand in a log: its last four characters."""
    return "…" + code[-4:]


def _is_alphabet(pattern: Pattern, attribute: object, signs: str) -> None:
    alike = "".join(each for each in _LOOK_ALIKE if each in signs)
    if alike:
        raise PatternError(f'the alphabet "{signs}" has {" ".join(alike)}, which people take for each other')
    if len(signs) < 2 or len(set(signs)) != len(signs) or not set(signs) <= set(_SIGNS):
        raise PatternError(f'"{signs}" is no alphabet: use two or more different signs out of {_SIGNS}')


@frozen
class Pattern:
    """The form of codes, such as ``CART-####-####-####?``.

    First a prefix of up to 10 capitals and digits, then ``#`` for each random character and, at the end, perhaps ``?``
    for a check character. Dashes are for the eye. ``@`` behind the prefix stands for the customer's id.
    """

    text: str
    alphabet: str = field(default=ALPHABET, validator=_is_alphabet)

    def __attrs_post_init__(self) -> None:
        if len(self.text) > _LONGEST:
            raise PatternError(f"a pattern has at most {_LONGEST} characters; this one has {len(self.text)}")
        if not _FORM.match(self.text):
            raise PatternError(
                f'"{self.text}" is no pattern: write a prefix of up to 10 capitals and digits, then # for each random '
                'character, "-" where you like, and perhaps ? for a check character at the end, '
                'like "CART-####-####-####?"'
            )
        if not self.random:
            raise PatternError(f'the pattern "{self.text}" has no random character: write # for each')
        if self.is_checked and len(self.alphabet) % 2:
            raise PatternError(
                f"a check character needs an alphabet with an even number of signs; this one has {len(self.alphabet)}"
            )

    @classmethod
    def usual(cls, prefix: str = "") -> Pattern:
        """Twelve random characters and a check character behind a prefix."""
        return cls(f"{prefix}-{USUAL}" if prefix else USUAL)

    @classmethod
    def legacy(cls, prefix: str) -> Pattern:
        """Prefix, customer id and ten random characters without anything between, as some shops have them."""
        return cls(f"{prefix}@##########")

    # --- parts ---

    @property
    def prefix(self) -> str:
        """What every code begins with."""
        return self._part("prefix")

    @property
    def random(self) -> int:
        """How many random characters a code has."""
        return self.text.count("#")

    @property
    def is_checked(self) -> bool:
        """Whether the last character checks the random ones."""
        return self.text.endswith("?")

    @property
    def is_personal(self) -> bool:
        """Whether the customer's id is in the code."""
        return "@" in self.text

    @property
    def space(self) -> int:
        """How many codes there are (for one customer, if its id is in them)."""
        return int(len(self.alphabet) ** self.random)

    @property
    def entropy(self) -> float:
        """What has to be guessed, in bits; the check character adds nothing."""
        return self.random * log2(len(self.alphabet))

    def _part(self, name: str) -> str:
        found = _FORM.match(self.text)
        assert found is not None
        return found[name] or ""

    # --- making ---

    def codes(self, count: int, customer: str = "") -> list[str]:
        """So many random codes as they are kept, without dashes; two may be equal."""
        width = self.random
        signs = _random(self.alphabet, count * width)
        begin = self.prefix + self._owner(customer)
        bodies = (signs[start : start + width] for start in range(0, count * width, width))
        if not self.is_checked:
            return [begin + body for body in bodies]
        return [begin + body + check for body, check in zip(bodies, self._checks(signs), strict=True)]

    def _owner(self, customer: str) -> str:
        if not self.is_personal:
            return ""
        if not _OWNER.match(customer):
            raise PatternError(
                f'the pattern "{self.text}" puts the customer into the code, and {customer!r} cannot stand there: '
                "use a pattern without @"
            )
        return customer

    def _checks(self, signs: str) -> Iterator[str]:
        """The check character of each code, from the random characters of all of them in a row."""
        width, size = self.random, len(self.alphabet)
        plain, doubled = _values(self.alphabet)
        # Counted from the right, the first payload character is doubled.
        columns = [
            signs[place::width].translate(doubled if (width - place) % 2 else plain).encode("latin-1")
            for place in range(width)
        ]
        return (self.alphabet[-sum(values) % size] for values in zip(*columns, strict=True))

    # --- reading ---

    def fits(self, code: str) -> bool:
        """Whether a code, as it is kept, has the form of this pattern; its check character is not looked at."""
        if not code.startswith(self.prefix):
            return False
        tail = self.random + self.is_checked
        rest = code[len(self.prefix) :]
        if self.is_personal:
            return bool(_OWNER.match(rest[:-tail])) and set(rest[-tail:]) <= set(self.alphabet)
        return len(rest) == tail and set(rest) <= set(self.alphabet)

    def is_sound(self, code: str) -> bool:
        """Whether the check character of a code that fits is right; true where there is none."""
        if not self.is_checked:
            return True
        return next(self._checks(code[-self.random - 1 : -1])) == code[-1]

    def shown(self, code: str) -> str:
        """A code, as it is kept, with the pattern's dashes."""
        if not self.fits(code):
            return code
        owner = code[len(self.prefix) : -(self.random + self.is_checked)]
        signs = iter(code[len(self.prefix) + len(owner) :])
        tail = self.text[len(self.prefix) :]
        return self.prefix + "".join(each if each == "-" else owner if each == "@" else next(signs) for each in tail)

    def is_confused_with(self, other: Pattern) -> bool:
        """Whether a code of one could be read as a mistyped code of the other."""
        if not (self.is_checked or other.is_checked) or self.shape == other.shape:
            return False
        shorter, longer = sorted((self, other), key=lambda each: len(each.prefix))
        between = longer.prefix[len(shorter.prefix) :]
        if not longer.prefix.startswith(shorter.prefix):
            return False
        if self.is_personal or other.is_personal:
            return True
        return shorter.length == longer.length and set(between) <= set(shorter.alphabet)

    @property
    def length(self) -> int:
        """How many characters a code has; with a customer's id in it, without that."""
        return len(self.prefix) + self.random + self.is_checked

    @property
    def shape(self) -> tuple[str, int, bool, bool, str]:
        """All that decides which codes fit; the dashes do not."""
        return self.prefix, self.random, self.is_personal, self.is_checked, self.alphabet

    def check_room(self, live: int, density: Fraction) -> None:
        """The pattern has room for so many live codes; PatternError when they could be guessed too easily."""
        if live > self.space * density:
            needed = self.random
            while live > len(self.alphabet) ** needed * density:
                needed += 1
            raise PatternError(
                f'"{self.text}" has {self.space:,} codes ({self.entropy:.1f} bits), which is too few for {live:,} that '
                f"are live at the same time: one guess in {max(1, self.space // live):,} would hit. "
                f"Write {needed} # or more"
            )


def _random(alphabet: str, count: int) -> str:
    """So many random signs, each as likely as the others: bytes that would favour some are thrown away."""
    size = len(alphabet)
    even = 256 - 256 % size
    signs = bytes(ord(alphabet[byte % size]) for byte in range(256))
    surplus = bytes(range(even, 256))
    found = bytearray()
    while len(found) < count:
        missing = count - len(found)
        found += os.urandom(missing + missing // 8 + 16).translate(signs, surplus)
    return found[:count].decode("ascii")


def _values(alphabet: str) -> tuple[dict[int, str], dict[int, str]]:
    """What each sign counts for in Luhn's sum, as it is and doubled."""
    size = len(alphabet)
    plain = {ord(sign): chr(value) for value, sign in enumerate(alphabet)}
    doubled = {ord(sign): chr(2 * value // size + 2 * value % size) for value, sign in enumerate(alphabet)}
    return plain, doubled
