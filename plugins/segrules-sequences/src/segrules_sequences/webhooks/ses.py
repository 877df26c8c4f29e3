"""Webhooks of Amazon SES, by way of SNS.

Fields are those of Amazon's documents on verifying the signatures of SNS messages and on the contents of SES
notifications and events.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Lock
from typing import Any
from urllib.request import HTTPRedirectHandler, build_opener

from attrs import field, frozen

from segrules_sequences.errors import SettingsError
from segrules_sequences.events import Event, Kind
from segrules_sequences.web import Request
from segrules_sequences.webhooks.reading import RefusedError, UnreadableError, document, listed, mapping, moment, text

#: Certificates and confirmations lie on Amazon's own hosts.
_HOST = r"https://sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/SimpleNotificationService-[A-Za-z0-9]{1,100}\.pem")
_CONFIRMATION = re.compile(_HOST + r"/\?Action=ConfirmSubscription&[!-~]{1,2000}")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_KINDS = {"Delivery": Kind.DELIVERED, "Open": Kind.OPEN, "Click": Kind.CLICK}
_PATIENCE, _LONGEST_ANSWER, _CERTIFICATES = 5, 64 * 1024, 16


class _StayHere(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def fetch(url: str) -> bytes:
    """What is at an address, over https; it leads nowhere else."""
    with build_opener(_StayHere).open(url, timeout=_PATIENCE) as answer:
        content: bytes = answer.read(_LONGEST_ANSWER)
        return content


@frozen(kw_only=True)
class SesWebhook:
    """Checks the signature of SNS with the certificate that it names, for these topics only (extra ``webhooks``).

    ``fetch`` gets what is at an address: a certificate, once, and the confirmation when a topic is told to post here.
    """

    topics: frozenset[str] = field(converter=frozenset)
    fetch: Callable[[str], bytes] = field(default=fetch, repr=False)
    _known: OrderedDict[str, Any] = field(factory=OrderedDict, init=False, repr=False)
    _lock: Lock = field(factory=Lock, init=False, repr=False)

    @topics.validator
    def _named(self, _: Any, value: frozenset[str]) -> None:
        if not value or not all(each.startswith("arn:") for each in value):
            raise SettingsError("SES needs the ARN of each topic that may post here, such as arn:aws:sns:…")

    def __attrs_post_init__(self) -> None:
        try:
            import cryptography  # noqa: F401
        except ImportError:
            raise SettingsError("this needs cryptography: install segrules-sequences[webhooks]") from None

    def read(self, request: Request, now: datetime) -> Iterator[Event]:
        """What a request tells; a subscription to one of the topics is confirmed."""
        posted = mapping(document(request.body))
        if text(posted.get("TopicArn")) not in self.topics:
            raise RefusedError("its topic is none of ours")
        self._verify(posted, now)
        if posted["Type"] == "SubscriptionConfirmation":
            url = text(posted.get("SubscribeURL"))
            if not _CONFIRMATION.fullmatch(url):
                raise RefusedError("its confirmation lies elsewhere")
            self.fetch(url)
            return
        told = mapping(document(text(posted.get("Message"))))
        kind, of_kind = _kind(told)
        if kind is None:
            return
        mail = mapping(told.get("mail"))
        headers = [mapping(each) for each in listed(mail.get("headers"))]
        named = {text(each.get("name")).lower(): text(each.get("value")) for each in headers}
        original = text(mapping(mail.get("commonHeaders")).get("messageId")) or named.get("message-id", "")
        bounced = next(map(mapping, listed(of_kind.get("bouncedRecipients"))), {})
        yield Event(
            provider="ses", id=text(of_kind.get("feedbackId")) or text(posted.get("MessageId")), kind=kind,
            message_id=original or None, key=named.get("x-segrules-key"),
            provider_id=text(mail.get("messageId")) or None, at=moment(of_kind.get("timestamp")),
            detail=text(bounced.get("status")) or text(of_kind.get("bounceSubType")),
        )  # fmt: skip

    # --- inside ---

    def _verify(self, posted: dict[str, Any], now: datetime) -> None:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        # SHA-1 is what Amazon signs with unless a topic is told otherwise.
        algorithms = {"1": hashes.SHA1, "2": hashes.SHA256}
        algorithm = algorithms.get(text(posted.get("SignatureVersion")))
        names = _SIGNED.get(text(posted.get("Type")))
        if names is None or algorithm is None:
            raise RefusedError("it is signed in a way that is not known")
        certificate = self._certificate(text(posted.get("SigningCertURL")))
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise RefusedError("its certificate is not valid now")
        key = certificate.public_key()
        content = "".join(f"{name}\n{text(posted[name])}\n" for name in names if posted.get(name) is not None)
        try:
            if not isinstance(key, rsa.RSAPublicKey):
                raise InvalidSignature
            signature = base64.b64decode(text(posted.get("Signature")), validate=True)
            key.verify(signature, content.encode("utf-8", "surrogatepass"), padding.PKCS1v15(), algorithm())
        except (InvalidSignature, binascii.Error, ValueError):
            raise RefusedError("its signature is wrong") from None

    def _certificate(self, url: str) -> Any:
        from cryptography import x509

        if not _CERTIFICATE.fullmatch(url):
            raise RefusedError("its certificate lies elsewhere")
        with self._lock:
            if url in self._known:
                return self._known[url]
        try:
            found = x509.load_pem_x509_certificate(self.fetch(url))
        except ValueError:
            raise UnreadableError("its certificate is none") from None
        with self._lock:
            self._known[url] = found
            while len(self._known) > _CERTIFICATES:
                self._known.popitem(last=False)
        return found


def _kind(told: dict[str, Any]) -> tuple[Kind | None, dict[str, Any]]:
    """What happened, and the part of the message that tells of it."""
    name = text(told.get("notificationType")) or text(told.get("eventType"))
    part = mapping(told.get(name.lower()))
    match name:
        case "Bounce":
            return (Kind.HARD if part.get("bounceType") == "Permanent" else Kind.SOFT), part
        case "Complaint":
            return (None if part.get("complaintFeedbackType") == "not-spam" else Kind.COMPLAINT), part
        case _:
            return _KINDS.get(name), part
