"""Reports of servers and complaints: what is read from them, and what is not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segrules_sequences.mail.returned import Kind, Returned, read_report

OURS = "<0123abcd@shop.example>"


def delivery_report(
    action: str = "failed", status: str = "5.1.1", *, original: str = OURS, headers_only: bool = False
) -> bytes:
    kind = "text/rfc822-headers" if headers_only else "message/rfc822"
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: tea@shop.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail to ann@customer.example was not delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\nX-Original-Message-ID: <other@evil.example>\r\n\r\n"
        f"Final-Recipient: rfc822; ann@customer.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--b\r\nContent-Type: {kind}\r\n\r\nMessage-ID: {original}\r\nSubject: Hi\r\n\r\nbody\r\n--b--\r\n"
    ).encode()


COMPLAINT = (
    "From: fbl@provider.example\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\nA complaint.\r\n"
    "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n"
    f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {OURS}\r\nSubject: Hi\r\n\r\nbody\r\n--b--\r\n"
).encode()


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", Kind.HARD),
        ("Failed", "5.1.10 (null mx)", Kind.HARD),
        ("failed", "5.2.1", Kind.HARD),
        ("failed", "5.2.2", Kind.SOFT),
        ("failed", "5.7.1", Kind.SOFT),
        ("failed", "4.4.7", Kind.SOFT),
        ("delayed", "4.4.1", None),
        ("delivered", "2.0.0", None),
        ("relayed", "2.0.0", None),
        ("failed", "nonsense", None),
    ],
)
@pytest.mark.parametrize("headers_only", [True, False])
def test_reports_of_servers(action, status, kind, headers_only):
    found = read_report(delivery_report(action, status, headers_only=headers_only))
    assert [(each.message_id, each.kind) for each in found] == ([(OURS, kind)] if kind else [])
    assert all(each.status == status.split(" ")[0] for each in found)


def test_complaints():
    assert read_report(COMPLAINT) == [Returned(OURS, Kind.COMPLAINT)]
    assert read_report(COMPLAINT.replace(b"abuse", b"not-spam")) == []


def test_what_is_no_report():
    for mime in (
        b"",
        b"Subject: out of office\r\n\r\nMessage-ID: <a@b>\r\n",
        delivery_report().replace(b"multipart/report", b"multipart/mixed"),
        delivery_report(original="no id"),
        delivery_report(original="<a@b>, <c@d>"),
        delivery_report() + b"x" * 1_100_000,
    ):
        assert read_report(mime) == []


@given(st.data())
def test_any_bytes_can_come(data):
    mime = bytearray(data.draw(st.sampled_from([delivery_report(), COMPLAINT])))
    for _ in range(data.draw(st.integers(0, 8))):
        place = data.draw(st.integers(0, len(mime) - 1))
        mime[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=6))
    assert all(each.message_id.startswith("<") for each in read_report(bytes(mime)))
