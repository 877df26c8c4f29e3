"""E-mail addresses that can be mailed to, and senders with a display name."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.headerregistry import Address

from attrs import frozen

from segrules_sequences.errors import AddressError, HeaderError
from segrules_sequences.mail.headers import header_text

_LOCAL = re.compile(r"(?!-)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
#: Characters of an address and of the part before the @ (RFC 5321).
LONGEST_ADDRESS, LONGEST_LOCAL = 254, 64


def mail_address(text: str) -> str:
    """The address as it goes over the wire: the domain in lower case and ASCII, the part before the @ untouched.

    Raises AddressError for what is no plain address of one mailbox; its text does not repeat the address. With the
    extra ``addresses``, the stricter rules of email-validator hold as well.
    """
    if not isinstance(text, str) or not text:
        raise AddressError("there is no address")
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.match(local) or len(local) > LONGEST_LOCAL:
        raise AddressError("the local part of the address is not one that can be mailed to")
    whole = f"{local}@{_ascii_domain(domain)}"
    if len(whole) > LONGEST_ADDRESS:
        raise AddressError(f"the address has more than {LONGEST_ADDRESS} characters")
    try:
        import email_validator
    except ImportError:
        return whole
    try:
        checked = email_validator.validate_email(
            whole, check_deliverability=False, allow_smtputf8=False, test_environment=True
        )
    except email_validator.EmailNotValidError:
        raise AddressError("the address is not one that can be mailed to") from None
    return f"{local}@{checked.ascii_domain}"


def _ascii_domain(domain: str) -> str:
    if any(char in domain for char in "\u3002\uff0e\uff61"):
        raise AddressError("the domain of the address has a full stop of another script")
    try:
        ascii_form = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise AddressError("the domain of the address is not one that there can be") from None
    labels = ascii_form.split(".")
    if len(labels) < 2 or not all(_LABEL.match(label) for label in labels) or labels[-1].isdecimal():
        raise AddressError("the domain of the address is not one that there can be")
    return ascii_form


@frozen
class Mailbox:
    """An address with the name that readers show, if any."""

    address: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """The mailbox in ``name <address>`` or ``address``. Raises AddressError or HeaderError."""
        found = re.fullmatch(r"\s*(?P<name>[^<>]*?)\s*<(?P<address>[^<>]*)>\s*", text)
        if found is None:
            return cls(mail_address(text.strip()))
        return cls(mail_address(found["address"]), header_text(found["name"].strip('"'), "the sender's name"))

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]

    def header(self) -> Address:
        """The mailbox for a header. Raises HeaderError."""
        try:
            return Address(header_text(self.name, "a name"), addr_spec=self.address)
        except (ValueError, IndexError, HeaderParseError):
            raise HeaderError("an address cannot stand in a header") from None
