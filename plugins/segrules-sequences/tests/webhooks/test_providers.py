"""Webhooks of every provider over HTTP, signed with real keys: genuine, tampered, old, too long, and no webhooks."""

import base64
import hashlib
import hmac
import json
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from segrules_sequences.errors import SettingsError
from segrules_sequences.events import RETURNED, Kind
from segrules_sequences.web import Answer, Request
from segrules_sequences.webhooks import (
    MailgunWebhook,
    PostmarkWebhook,
    RefusedError,
    SendGridWebhook,
    SesWebhook,
    SignedWebhook,
    UnreadableError,
    Webhooks,
)
from segrules_sequences.webhooks.ses import fetch
from serving import over_asgi, over_wsgi

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
OURS = "<0123abcd@shop.example>"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mails"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
CONFIRM = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=x&Token=y"
SECRET = base64.b64encode(bytes(range(32))).decode()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
EC_KEY = base64.b64encode(EC.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def certificate(key=RSA, *, begin=NOW - timedelta(days=30), end=NOW + timedelta(days=300)):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begin).not_valid_after(end)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


# --- how each provider writes ---


def by_ses(told, *, version="2", kind="Notification", key=RSA, **more):
    """A message of SNS; the string that is signed is spelled out as Amazon's document shows it."""
    message = {"Type": kind, "MessageId": "22b80b92", "TopicArn": TOPIC, "Message": json.dumps(told),
               "Timestamp": "2026-11-18T12:00:00.000Z", "SignatureVersion": version, "SigningCertURL": CERTIFICATE,
               "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?x", **more}  # fmt: skip
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    message["Signature"] = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()
    return json.dumps(message).encode(), {}


def ses_bounce(kind="Permanent", status="5.1.1", *, named="notificationType", headers=True):
    mail = {"timestamp": "2026-11-18T11:59:00.000Z", "messageId": "010201-ses-000000",
            "destination": ["ann@customer.example"]}  # fmt: skip
    if headers:
        mail |= {"headers": [{"name": "Message-ID", "value": OURS}, {"name": "X-Segrules-Key", "value": "k" * 64}],
                 "commonHeaders": {"messageId": OURS, "to": ["ann@customer.example"]}}  # fmt: skip
    recipient = {"emailAddress": "ann@customer.example", "action": "failed", "status": status}
    return {
        named: "Bounce", "mail": mail,
        "bounce": {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [recipient],
                   "timestamp": "2026-11-18T11:59:30.000Z", "feedbackId": "feedback-1"},
    }  # fmt: skip


def by_mailgun(event, *, key="mailgun-signing-key", stamp=STAMP, token="t" * 50):
    signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    body = {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": event}
    return json.dumps(body).encode(), {"Content-Type": "application/json"}


def mailgun(event="failed", severity="permanent", reason="bounce", **more):
    return {"event": event, "severity": severity, "reason": reason, "id": "x", "timestamp": NOW.timestamp() - 30.5,
            "recipient": "ann@customer.example", "message": {"headers": {"message-id": OURS.strip("<>")}},
            "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "no ann@customer.example"},
            **more}  # fmt: skip


def by_sendgrid(events, *, key=EC, stamp=STAMP, tail=b"\r\n"):
    body = json.dumps(events).encode() + tail
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return body, {"X-Twilio-Email-Event-Webhook-Signature": signature, "X-Twilio-Email-Event-Webhook-Timestamp": stamp}


def sendgrid(event="bounce", number=1, **more):
    return {"email": "ann@customer.example", "timestamp": int(NOW.timestamp()) - 30, "smtp-id": OURS, "event": event,
            "sg_event_id": f"event-{number}", "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
            **more}  # fmt: skip


def by_postmark(record, *, user="shop", password="a long password"):
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps(record).encode(), {"Authorization": f"Basic {word}"}


def postmark(kind="HardBounce", **more):
    return {"RecordType": "Bounce", "ID": 4323372036854775807, "Type": kind, "TypeCode": 1, "Tag": "", "Name": "x",
            "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Email": "ann@customer.example",
            "Metadata": {"Segrules": "k" * 64}, "BouncedAt": "2026-11-18T06:59:30.2735393-05:00", **more}  # fmt: skip


def by_signed(events, *, secret=SECRET, stamp=STAMP, named="msg_1", others=""):
    body = json.dumps(events).encode()
    digest = hmac.digest(base64.b64decode(secret), f"{named}.{stamp}.".encode() + body, hashlib.sha256)
    signature = others + "v1," + base64.b64encode(digest).decode()
    return body, {"webhook-id": named, "webhook-timestamp": stamp, "webhook-signature": signature}


def signed(kind="hard", **more):
    return {"events": [{"id": "1", "kind": kind, "message_id": OURS, "at": "2026-11-18T11:59:30Z",
                        "detail": "5.1.1", **more}]}  # fmt: skip


GENUINE = {
    "ses": lambda: by_ses(ses_bounce()),
    "mailgun": lambda: by_mailgun(mailgun()),
    "sendgrid": lambda: by_sendgrid([sendgrid(type="bounce", status="5.1.1")]),
    "postmark": lambda: by_postmark(postmark()),
    "signed": lambda: by_signed(signed()),
}


class Told:
    """Who is told; notes it."""

    def __init__(self):
        self.events, self.kept, self.failure = [], None, None

    def take_in(self, told, *, keep=RETURNED):
        if self.failure:
            raise self.failure
        self.events += told
        self.kept = keep
        return Counter(new=len(self.events))


def providers(fetch=lambda url: certificate()):
    return {
        "ses": SesWebhook(topics=[TOPIC], fetch=fetch),
        "mailgun": MailgunWebhook(keys=["an-older-key", "mailgun-signing-key"]),
        "sendgrid": SendGridWebhook(key=EC_KEY),
        "postmark": PostmarkWebhook(user="shop", password="a long password"),
        "signed": SignedWebhook(secrets=["whsec_" + base64.b64encode(b"o" * 24).decode(), "whsec_" + SECRET]),
    }


@pytest.fixture
def told():
    return Told()


@pytest.fixture(params=[over_wsgi, over_asgi], ids=["wsgi", "asgi"])
def post(request, told):
    asking, close = request.param(Webhooks(told, providers(), now=lambda: NOW))

    def posted(name, sent, method="POST"):
        body, headers = sent
        status, found, page = asking(method, f"/shop/u/{name}", body, headers)
        assert page == "" and found["cache-control"] == "no-store"
        return status

    yield posted
    close()


def read(name, sent, **more):
    body, headers = sent
    request = Request("POST", f"/{name}", {key.lower(): value for key, value in headers.items()}, body)
    return list(providers(**more)[name].read(request, NOW))


# --- what is genuine ---


@pytest.mark.parametrize("name", GENUINE)
def test_what_a_provider_tells(post, told, name):
    assert post(name, GENUINE[name]()) == 200
    (event,) = told.events
    assert (event.provider, event.kind, bool(event.id)) == (name, Kind.HARD, True)
    assert event.detail == ("HardBounce" if name == "postmark" else "5.1.1")
    assert abs(event.at - (NOW - timedelta(seconds=30))) < timedelta(seconds=1)
    assert OURS in event.names or event.key == "k" * 64
    assert "customer.example" not in str(event)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (ses_bounce("Transient", "4.2.2"), Kind.SOFT),
        (ses_bounce("Undetermined"), Kind.SOFT),
        (ses_bounce(named="eventType"), Kind.HARD),
        ({"notificationType": "Complaint", "complaint": {"feedbackId": "f", "complaintFeedbackType": "abuse"}},
         Kind.COMPLAINT),
        ({"notificationType": "Complaint", "complaint": {"complaintFeedbackType": "not-spam"}}, None),
        ({"eventType": "Delivery", "delivery": {}}, Kind.DELIVERED),
        ({"eventType": "Open", "mail": {"headers": 7, "commonHeaders": []}}, Kind.OPEN),
        ({"eventType": "Click"}, Kind.CLICK),
        ({"eventType": "Send"}, None),
        ([1], None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", ["1", "2"])
def test_ses(event, kind, version):
    assert [each.kind for each in read("ses", by_ses(event, version=version))] == ([kind] if kind else [])


def test_ses_without_the_headers_of_the_mail_names_it_as_the_receipt_did():
    (event,) = read("ses", by_ses(ses_bounce(headers=False), Subject="Amazon SES Notification"))
    assert (event.id, event.names) == ("feedback-1", ("010201-ses-000000",))
    from segrules_sequences.mail.senders.replies import Reply

    said = "Ok 01010160d7de98d8-21e57d9a-0123-416c-bbe1-8ebaa0123456-000000"
    assert Reply(250, said).queued_as == said[3:]
    assert Reply(250, "2.0.0 Ok: queued as 4XyZ123").queued_as == "4XyZ123"
    assert Reply(250, "Ok thank you").queued_as is None


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (mailgun(reason="suppress-bounce"), Kind.HARD),
        (mailgun(reason="generic"), Kind.SOFT),
        (mailgun(reason="old"), Kind.SOFT),
        (mailgun(reason="suppress-complaint"), Kind.COMPLAINT),
        (mailgun(severity="temporary"), None),
        (mailgun("complained"), Kind.COMPLAINT),
        (mailgun("unsubscribed"), Kind.UNSUBSCRIBE),
        (mailgun("delivered"), Kind.DELIVERED),
        (mailgun("opened", message=None, timestamp=None, **{"delivery-status": "x"}), Kind.OPEN),
        (mailgun("accepted"), None),
        (None, None),
    ],
)
def test_mailgun(event, kind):
    assert [each.kind for each in read("mailgun", by_mailgun(event))] == ([kind] if kind else [])


def test_sendgrid_tells_many_things_at_once():
    kinds = [
        (sendgrid(type="bounce"), Kind.HARD), (sendgrid(type="blocked"), Kind.SOFT),
        (sendgrid("dropped", reason="Bounced Address"), Kind.HARD), (sendgrid("dropped", reason="Invalid"), Kind.HARD),
        (sendgrid("dropped", reason="Spam Content (if app enabled)"), None), (sendgrid("deferred"), None),
        (sendgrid("spamreport"), Kind.COMPLAINT), (sendgrid("group_unsubscribe"), Kind.UNSUBSCRIBE),
        (sendgrid("delivered"), Kind.DELIVERED), (sendgrid("processed"), None), (sendgrid("open"), Kind.OPEN),
        (sendgrid(sg_event_id=None), None), (7, None),
    ]  # fmt: skip
    found = read("sendgrid", by_sendgrid([event for event, _ in kinds]))
    assert [each.kind for each in found] == [kind for _, kind in kinds if kind is not None]
    assert found[0].provider_id == "14c5d75ce93"


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (postmark("SoftBounce"), Kind.SOFT),
        (postmark("Transient"), None),
        (postmark("AutoResponder"), None),
        (postmark("SpamComplaint", RecordType="SpamComplaint"), Kind.COMPLAINT),
        ({"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression",
          "MessageID": "m", "ChangedAt": "2026-11-18T11:00:00Z"}, Kind.UNSUBSCRIBE),
        ({"RecordType": "SubscriptionChange", "SuppressSending": False, "SuppressionReason": None}, None),
        ({"RecordType": "Delivery", "MessageID": "m", "DeliveredAt": "2026-11-18T11:00:00Z"}, Kind.DELIVERED),
        ({"RecordType": "Inbound"}, None),
    ],
)  # fmt: skip
def test_postmark(record, kind):
    found = read("postmark", by_postmark(record))
    assert [each.kind for each in found] == ([kind] if kind else [])
    assert len({each.id for each in found} | {"", "Delivery  "}) == len(found) + 2


def test_any_other_system():
    events = [signed(kind.value)["events"][0] for kind in Kind]
    assert [each.kind for each in read("signed", by_signed({"events": events}))] == list(Kind)
    assert read("signed", by_signed(signed(), others="v1,AAAA v2,x "))
    for wrong in ({"events": 1}, [], {"events": [7]}, signed("gone"), signed(id=None)):
        with pytest.raises(UnreadableError):
            read("signed", by_signed(wrong))


# --- what is not ---


@pytest.mark.parametrize("name", GENUINE)
def test_nothing_else_comes_in(post, told, name, caplog):
    caplog.set_level(logging.INFO)
    body, headers = GENUINE[name]()
    for other in GENUINE:
        if other != name:
            assert post(other, (body, headers)) in (400, 403), other
    # A changed body, where the signature covers it.
    if name not in ("mailgun", "postmark"):
        assert post(name, (body.replace(b"5.1.1", b"5.1.2"), headers)) == 403
    for header in headers:
        if header != "Content-Type":
            for value in (None, "", "x", "Basic x", "v1,", "0", headers[header][:-3] + "AAA", "\u00e9" * 8):
                changed = {key: one for key, one in headers.items() if key != header}
                changed |= {} if value is None else {header: value}
                assert post(name, (body, changed)) == 403, (header, value)
    for wrong in (b"", b"no JSON", b"[" * 200_000, b"{}", b"[]", b"null", b'{"signature": 7}', b"\xff\xfe"):
        assert post(name, (wrong, headers)) in ((400, 403) if name != "postmark" else (200, 400)), wrong
    assert post(name, (b"x" * (1024 * 1024 + 1), headers)) == 413
    assert [post(name, (None, {}), method) for method in ("GET", "PUT", "HEAD")] == [405, 405, 405]
    assert post("nobody", (body, headers)) == 404
    assert told.events == [] and "customer.example" not in caplog.text and "5.1.1" not in caplog.text


def test_wrong_keys_and_old_signatures():
    old, ahead = (str(int((NOW + timedelta(days=days)).timestamp())) for days in (-8, 8))
    wrong = [
        ("mailgun", by_mailgun(mailgun(), key="another-signing-key")), ("mailgun", by_mailgun(mailgun(), token="")),
        ("sendgrid", by_sendgrid([sendgrid()], key=ec.generate_private_key(ec.SECP256R1()))),
        ("postmark", by_postmark(postmark(), password="another password")),
        ("postmark", by_postmark(postmark(), user="another")),
        ("signed", by_signed(signed(), secret=base64.b64encode(b"x" * 32).decode())),
        ("signed", by_signed(signed(), stamp=str(int(STAMP) - 301))), ("signed", by_signed(signed(), named="")),
        ("ses", by_ses(ses_bounce(), version="3")), ("ses", by_ses(ses_bounce(), kind="UnsubscribeConfirmation")),
        ("ses", by_ses(ses_bounce(), key=rsa.generate_private_key(public_exponent=65537, key_size=2048))),
        ("ses", by_ses(ses_bounce(), TopicArn=TOPIC + "x")),
    ]  # fmt: skip
    for stamp in (old, ahead, "12:00", "", "-1", "9" * 40, "\u0661"):
        wrong += [("mailgun", by_mailgun(mailgun(), stamp=stamp)), ("signed", by_signed(signed(), stamp=stamp))]
        if stamp.isascii():
            wrong.append(("sendgrid", by_sendgrid([sendgrid()], stamp=stamp)))
    for name, sent in wrong:
        with pytest.raises(RefusedError):
            read(name, sent)
    assert read("signed", by_signed(signed(), stamp=str(int(STAMP) - 299)))


def test_certificates_come_from_amazon_alone_and_once():
    fetched = []

    def fetch(url):
        fetched.append(url)
        return certificate()

    for url in (
        CERTIFICATE.replace("https", "http"), CERTIFICATE.replace(".amazonaws.com", ".amazonaws.com.evil.example"),
        CERTIFICATE.replace("sns.", "s3."), CERTIFICATE.replace("amazonaws", "evil.example/sns.amazonaws"),
        CERTIFICATE.replace("sns.", "user@sns."), CERTIFICATE.replace(".com/", ".com:8443/"), CERTIFICATE + "?x",
        CERTIFICATE.replace("/Simple", "/x/../Simple"), CERTIFICATE + "\n", "", None, 7,
    ):  # fmt: skip
        with pytest.raises(RefusedError, match="lies elsewhere"):
            read("ses", by_ses(ses_bounce(), SigningCertURL=url), fetch=fetch)
    assert fetched == []
    webhook = SesWebhook(topics=[TOPIC], fetch=fetch)
    for _ in range(3):
        assert len(list(webhook.read(Request("POST", body=by_ses(ses_bounce())[0]), NOW))) == 1
    assert fetched == [CERTIFICATE]
    assert read("ses", by_ses(ses_bounce(), SigningCertURL=CERTIFICATE.replace("com/", "com.cn/")))
    for days in (-31, 301):
        with pytest.raises(RefusedError, match="not valid now"):
            list(webhook.read(Request("POST", body=by_ses(ses_bounce())[0]), NOW + timedelta(days=days)))
    with pytest.raises(UnreadableError):
        read("ses", by_ses(ses_bounce()), fetch=lambda url: b"no certificate")
    with pytest.raises(RefusedError):
        read("ses", by_ses(ses_bounce()), fetch=lambda url: certificate_of_another_kind())


def certificate_of_another_kind():
    return certificate(EC)


def test_fetching_leads_nowhere_else():
    pages = {
        "/a": ("200 OK", (("Content-Type", "text/plain"),), b"x" * 100_000),
        "/b": ("302 Found", (("Content-Type", "text/plain"), ("Location", "/shop/u/a")), b""),
    }

    class Pages:
        longest_body = 0

        def respond(self, request):
            return Answer(*pages[request.path])

    asking, close = over_wsgi(Pages())
    try:
        port = asking.port
        assert len(fetch(f"http://127.0.0.1:{port}/shop/u/a")) == 65_536
        with pytest.raises(HTTPError, match="302"):
            fetch(f"http://127.0.0.1:{port}/shop/u/b")
    finally:
        close()


def test_a_subscription_to_a_topic_is_confirmed():
    def confirmed(url=CONFIRM, **more):
        fetched = []

        def fetch(at):
            fetched.append(at)
            return certificate()

        sent = by_ses("You have chosen…", kind="SubscriptionConfirmation", SubscribeURL=url, Token="y", **more)
        assert read("ses", sent, fetch=fetch) == []
        return fetched

    assert confirmed() == [CERTIFICATE, CONFIRM]
    for url in ("https://evil.example/?Action=ConfirmSubscription&x", CONFIRM.replace("Confirm", "Un"), CONFIRM + " x"):
        with pytest.raises(RefusedError, match="lies elsewhere"):
            confirmed(url)


def test_a_failure_asks_to_come_again(post, told, caplog):
    told.failure = RuntimeError("ann@customer.example")
    assert post("signed", GENUINE["signed"]()) == 503
    assert "webhook=signed failed: RuntimeError" in caplog.text and "ann@" not in caplog.text


@given(st.sampled_from(sorted(set(GENUINE) - {"sendgrid"})), st.data())
def test_any_json_can_come_from_a_provider(name, data):
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("Bounce")
    keys = st.sampled_from([
        "event", "message", "headers", "RecordType", "Metadata", "ID", "mail", "bounce", "notificationType", "events",
        "id", "kind", "at", "timestamp", "commonHeaders", "bouncedRecipients", "delivery-status",
    ])  # fmt: skip
    some = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6))
    write = {"ses": by_ses, "mailgun": by_mailgun, "postmark": by_postmark, "signed": by_signed}[name]
    try:
        found = read(name, write(data.draw(some)))
    except UnreadableError:
        return
    assert all(each.id and each.kind in Kind for each in found)


def test_settings_that_do_not_work():
    for make, message in (
        (lambda: MailgunWebhook(keys=[]), "Mailgun needs secrets"),
        (lambda: MailgunWebhook(keys=["short"]), "Mailgun needs secrets of 8 characters at least"),
        (lambda: PostmarkWebhook(user="a", password="short"), "Postmark needs secrets"),
        (lambda: SendGridWebhook(key="no key"), "the verification key is none of SendGrid's"),
        (lambda: SignedWebhook(secrets=["whsec_???"]), "a secret is not whsec_ and base64"),
        (lambda: SignedWebhook(secrets=["whsec_AAAA"]), "has 16 bytes at least"),
        (lambda: SesWebhook(topics=[]), "SES needs the ARN"),
        (lambda: Webhooks(Told(), {"Mail Gun": None}), "is no name for a provider"),
        (lambda: Webhooks(Told(), {"report": None}), "is no name for a provider"),
    ):
        with pytest.raises(SettingsError, match=message.replace("???", "")):
            make()
    pem = f"-----BEGIN PUBLIC KEY-----\n{EC_KEY[:64]}\n{EC_KEY[64:]}\n-----END PUBLIC KEY-----\n"
    assert SendGridWebhook(key=pem)
    shown = repr(providers())
    assert not any(secret in shown for secret in ("mailgun-signing-key", "a long password", SECRET, EC_KEY))


def test_what_needs_cryptography_says_so(monkeypatch):
    import sys

    for name in [each for each in sys.modules if each.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    for make in (lambda: SesWebhook(topics=[TOPIC]), lambda: SendGridWebhook(key=EC_KEY)):
        with pytest.raises(SettingsError, match=r"install segrules-sequences\[webhooks\]"):
            make()
