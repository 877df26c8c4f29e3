"""The SMTP sender against a real server: what happens on the way, and what the sender says of it."""

import ssl
import time

import pytest

from segrules_sequences.errors import SettingsError
from segrules_sequences.mail.senders.replies import Reply
from segrules_sequences.mail.senders.smtp import SmtpSender
from segrules_sequences.ports import (
    Lookup,
    OutcomeUnknown,
    Outgoing,
    PermanentRecipient,
    Refusal,
    SenderBlocked,
    Temporary,
)
from smtp_server import Certificates, Cut, Delay, Hang, Say, SmtpServer


def mail(number: int = 1, body: bytes = b"hello\r\n") -> Outgoing:
    identity = f"<m{number}@shop.example>"
    mime = b"Message-ID: " + identity.encode() + b"\r\nSubject: a\r\n\r\n" + body
    return Outgoing(identity, "shop@shop.example", "ann@customer.example", mime, f"key{number}")


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def server(tmp_path):
    with SmtpServer(tmp_path / "accepted") as server:
        yield server


@pytest.fixture
def sender(server):
    sender = SmtpSender(host="127.0.0.1", port=server.port, security="none", hello="client.example", timeout=0.5)
    yield sender
    sender.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("tls"))


def test_a_mail_arrives_as_it_was_given(server, sender):
    body = b".a line with a dot\r\n..two\r\n.\r\nbare\nbreaks\rhere\r\n\xc3\xbc\r\nno break at the end"
    receipt = sender.send(mail(body=body), soon())
    assert server.accepted() == ["<m1@shop.example>"]
    assert server.mails[0].endswith(
        b".a line with a dot\r\n..two\r\n.\r\nbare\r\nbreaks\r\nhere\r\n\xc3\xbc\r\nno break at the end\r\n"
    )
    assert receipt.provider_id is None
    assert sender.lookup("<m1@shop.example>") is Lookup.UNKNOWN
    assert [point for point in server.seen if point[0] in ("MAIL", "RCPT")][1] == ("RCPT", "TO:<ann@customer.example>")


def test_one_connection_serves_many_mails_and_not_for_ever(server, sender):
    sender.mails = 3
    for number in range(7):
        sender.send(mail(number), soon())
    assert server.connections == 3
    assert server.verbs().count("QUIT") == 2
    sender.seconds = 0.01
    sender.close()
    sender.send(mail(8), soon())
    time.sleep(0.02)
    sender.send(mail(9), soon())
    assert server.connections == 5
    assert len(server.accepted()) == 9


def test_what_the_server_calls_the_mail(server, sender):
    server.at["NOTED"] = Say("250 2.0.0 Ok: queued as 4XYZ12abc")
    assert sender.send(mail(), soon()).provider_id == "4XYZ12abc"


#: What happens, at which point; the refusal and a part of what it says; how many mails arrived.
OUTCOMES = [
    ("CONNECT", Say("554 5.3.2 no service"), SenderBlocked, "the greeting: 554 5.3.2 no service", 0),
    ("CONNECT", Say("421 4.3.2 too busy"), SenderBlocked, "the greeting: 421", 0),
    ("CONNECT", Cut(), SenderBlocked, "the greeting: the ", 0),
    ("CONNECT", Hang(), SenderBlocked, "the greeting: no answer in time", 0),
    ("EHLO", Say("421 4.3.2 too busy"), SenderBlocked, "HELO: ", 0),
    ("EHLO", Cut(), SenderBlocked, "EHLO: the ", 0),
    ("EHLO", Hang(), SenderBlocked, "EHLO: no answer in time", 0),
    ("MAIL", Say("421 4.7.0 rate, retry in 5 minutes"), SenderBlocked, "MAIL: 421", 0),
    ("MAIL", Say("451 4.3.0 later"), Temporary, "MAIL: 451 4.3.0 later", 0),
    ("MAIL", Say("452 4.3.1 disk"), SenderBlocked, "MAIL: 452", 0),
    ("MAIL", Say("530 5.7.0 log in"), SenderBlocked, "MAIL: 530", 0),
    ("MAIL", Say("550 5.7.1 not your sender"), SenderBlocked, "MAIL: 550", 0),
    ("MAIL", Say("552 5.3.4 too big"), PermanentRecipient, "MAIL: 552", 0),
    ("MAIL", Cut(), Temporary, "MAIL: the ", 0),
    ("MAIL", Hang(), Temporary, "MAIL: no answer in time", 0),
    ("RCPT", Say("450 4.2.1 busy"), Temporary, "RCPT: 450", 0),
    ("RCPT", Say("452 4.2.2 over quota"), Temporary, "RCPT: 452", 0),
    ("RCPT", Say("452 4.5.3 too many"), SenderBlocked, "RCPT: 452", 0),
    ("RCPT", Say("421 4.3.2 going down"), SenderBlocked, "RCPT: 421", 0),
    ("RCPT", Say("550 5.1.1 no such user"), PermanentRecipient, "RCPT: 550", 0),
    ("RCPT", Say("554 5.7.1 relay access denied"), PermanentRecipient, "RCPT: 554", 0),
    ("RCPT", Cut(), Temporary, "RCPT: the ", 0),
    ("RCPT", Hang(), Temporary, "RCPT: no answer in time", 0),
    ("RCPT", Say("nonsense"), Temporary, "RCPT: 0 nonsense", 0),
    ("DATA", Say("451 4.3.0 later"), Temporary, "DATA: 451", 0),
    ("DATA", Say("421 4.3.0 storm"), SenderBlocked, "DATA: 421", 0),
    ("DATA", Say("554 5.7.1 no"), PermanentRecipient, "DATA: 554", 0),
    ("DATA", Cut(), Temporary, "DATA: the ", 0),
    ("DATA", Hang(), Temporary, "DATA: no answer in time", 0),
    ("DOT", Say("451 4.3.0 later"), Temporary, "the mail: 451", 0),
    ("DOT", Say("421 4.3.0 storm"), SenderBlocked, "the mail: 421", 0),
    ("DOT", Say("452 4.3.1 disk"), SenderBlocked, "the mail: 452", 0),
    ("DOT", Say("554 5.6.0 content"), PermanentRecipient, "the mail: 554", 0),
    ("DOT", Cut(), OutcomeUnknown, "the end of the mail: the ", 0),
    ("DOT", Hang(), OutcomeUnknown, "the end of the mail: no answer in time", 0),
    ("NOTED", Cut(), OutcomeUnknown, "the end of the mail: the ", 1),
    ("NOTED", Hang(), OutcomeUnknown, "the end of the mail: no answer in time", 1),
    ("NOTED", Say("nonsense"), OutcomeUnknown, "after the mail: 0", 1),
    ("NOTED", Say("354 go on"), OutcomeUnknown, "after the mail: 354", 1),
]  # fmt: skip


@pytest.mark.parametrize(("point", "action", "refusal", "text", "arrived"), OUTCOMES, ids=lambda each: str(each)[:36])
def test_every_outcome(server, sender, point, action, refusal, text, arrived):
    sender.timeout = 0.15
    if point == "EHLO" and isinstance(action, Say):
        # A refused EHLO is followed by a HELO, and by then this server is gone.
        text = "HELO"
    server.at[point] = action
    start = time.monotonic()
    with pytest.raises(Refusal) as caught:
        sender.send(mail(), soon())
    assert type(caught.value) is refusal
    assert text in str(caught.value)
    assert time.monotonic() - start < 1
    assert len(server.accepted()) == arrived
    # The next mail goes out as if nothing had been.
    server.at.clear()
    sender.timeout = 2
    sender.send(mail(2), soon())
    assert len(server.accepted()) == arrived + 1
    assert server.accepted()[-1] == "<m2@shop.example>"


def test_a_bad_address_is_told_from_a_bad_day(server, sender):
    for line, suppress in [
        ("550 5.1.1 no such user", True),
        ("550 5.1.10 null mx", True),
        ("553 5.1.8 bad sender domain", False),
        ("550 no such user", False),
        ("550 5.7.1 policy", False),
        ("550 5.2.1 mailbox disabled", False),
    ]:
        server.once("RCPT", Say(line))
        with pytest.raises(PermanentRecipient) as caught:
            sender.send(mail(), soon())
        assert caught.value.suppress is suppress, line


def test_how_long_to_rest_is_taken_from_the_answer(server, sender):
    for line, seconds in [
        ("421 4.7.0 try again in 5 minutes", 300),
        ("452 4.3.1 retry after 90 s", 90),
        ("421 4.3.2 closing", 60),
        ("421 wait 400 hours", 86400),
    ]:
        server.once("RCPT", Say(line))
        with pytest.raises(SenderBlocked) as caught:
            sender.send(mail(), soon())
        assert caught.value.retry_after == seconds, line


def test_a_connection_that_the_server_closed_meanwhile_costs_nothing(server, sender):
    sender.send(mail(1), soon())
    server.disconnect()
    time.sleep(0.05)
    sender.send(mail(2), soon())
    server.once("MAIL", Say("421 4.4.2 idle for too long"))
    sender.send(mail(3), soon())
    server.once("MAIL", Cut())
    sender.send(mail(4), soon())
    assert server.accepted() == [f"<m{number}@shop.example>" for number in (1, 2, 3, 4)]
    assert server.connections == 4


def test_no_mail_is_given_after_its_deadline(server, sender):
    with pytest.raises(Temporary, match="no time is left"):
        sender.send(mail(), time.monotonic() - 1)
    assert server.connections == 0
    server.at["RCPT"] = Delay(0.3)
    with pytest.raises(Temporary):
        sender.send(mail(), soon(0.2))
    server.at.clear()
    server.at["DATA"] = Delay(0.3)
    with pytest.raises(Temporary):
        sender.send(mail(), soon(0.2))
    time.sleep(0.3)
    assert server.accepted() == []
    server.at.clear()
    server.at["DOT"] = Delay(0.6)
    start = time.monotonic()
    sender.timeout = 5
    with pytest.raises(OutcomeUnknown):
        sender.send(mail(), soon(0.3))
    assert time.monotonic() - start < 0.5


def test_a_clock_that_jumps_while_the_mail_waits_is_seen_right_before_data(server, sender, monkeypatch):
    """A process that was frozen after RCPT does not give the mail when it wakes up."""
    from segrules_sequences.mail.senders import conversation, smtp

    sender.send(mail(1), soon())
    real, late = time.monotonic, [0.0]
    say = conversation.Conversation.say

    def frozen_after_rcpt(self, line, what=None):
        reply = say(self, line, what)
        if line.startswith("RCPT"):
            late[0] = 100.0
        return reply

    monkeypatch.setattr(conversation.Conversation, "say", frozen_after_rcpt)
    monkeypatch.setattr(smtp.time, "monotonic", lambda: real() + late[0])
    with pytest.raises(Temporary, match="ran out before it was given"):
        sender.send(mail(2), real() + 5)
    assert server.accepted() == ["<m1@shop.example>"]
    assert server.verbs().count("DATA") == 1


def test_an_answer_that_drips_in_ends_at_the_time_out(tmp_path):
    import socket
    import threading

    listening = socket.create_server(("127.0.0.1", 0))

    def drip():
        connection, _ = listening.accept()
        with connection:
            for _ in range(100):
                try:
                    connection.sendall(b"220-x\r\n")
                except OSError:
                    return
                time.sleep(0.02)

    threading.Thread(target=drip, daemon=True).start()
    sender = SmtpSender(host="127.0.0.1", port=listening.getsockname()[1], security="none", timeout=0.2)
    start = time.monotonic()
    with pytest.raises(SenderBlocked, match=r"takes too long|no answer in time"):
        sender.send(mail(), soon())
    assert time.monotonic() - start < 0.6
    listening.close()


def test_nobody_there():
    sender = SmtpSender(host="127.0.0.1", port=1, security="none")
    with pytest.raises(SenderBlocked, match="connecting: nobody answers there"):
        sender.send(mail(), soon())
    with pytest.raises(SenderBlocked, match="connecting: "):
        SmtpSender(host="no-such-host.invalid", security="none").send(mail(), soon())


def test_answers_carry_no_address(server, sender):
    server.at["RCPT"] = Say("550 5.1.1 <ann@customer.example>: unknown 'ann@customer.example' ann@x " + "y" * 300)
    with pytest.raises(PermanentRecipient) as caught:
        sender.send(mail(), soon())
    assert "ann@" not in str(caught.value)
    assert "<…@…>: unknown '…@…' …@… yyy" in str(caught.value)
    assert len(str(caught.value)) < 220
    assert Reply(550, "a\r\nb\x00c").told("x") == "x: 550 a b c"


def test_a_mail_larger_than_the_server_takes(server, sender):
    with pytest.raises(PermanentRecipient, match=r"the mail has 40,000,\d+ bytes, and the server takes 33,554,432"):
        sender.send(mail(body=b"x" * 40_000_000), soon())
    assert "RCPT" not in server.verbs()


def test_addresses_cannot_hold_commands(server, sender):
    bad = Outgoing("<a@b>", "shop@shop.example", "a@b.example>\r\nRCPT TO:<c@d.example", b"", "k")
    with pytest.raises(Refusal):
        sender.send(bad, soon())
    with pytest.raises(PermanentRecipient, match="not ASCII"):
        sender.send(Outgoing("<a@b>", "shop@shop.example", "ä@b.example", b"", "k"), soon())
    assert "RCPT" not in server.verbs()


# --- encryption and login ---


def secure(server, certificates, **more):
    context = ssl.create_default_context(cafile=certificates.authority)
    given = {"host": "localhost", "port": server.port, "security": server.tls, "context": context, "timeout": 1.0}
    if server.tls == "implicit":
        given["security"] = "tls"
    return SmtpSender(**{**given, **more})


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_encrypted_with_login(tmp_path, certificates, tls):
    with SmtpServer(tmp_path / "accepted", tls=tls, certificates=certificates, login=("shop", "s3cret")) as server:
        sender = secure(server, certificates, user="shop", password=lambda: "s3cret")
        for number in range(3):
            sender.send(mail(number), soon())
        sender.close()
        assert len(server.accepted()) == 3
        assert server.connections == 1
        assert "s3cret" not in repr(sender)
        # a wrong password
        wrong = secure(server, certificates, user="shop", password=lambda: "wr0ng")
        with pytest.raises(SenderBlocked, match="AUTH: 535") as caught:
            wrong.send(mail(9), soon())
        assert "wr0ng" not in str(caught.value)
        # no login at all
        with pytest.raises(SenderBlocked, match="MAIL: 530"):
            secure(server, certificates).send(mail(9), soon())
        # a certificate that nobody vouches for, and one for another name
        for given in ({"context": None}, {"host": "127.0.0.1", "context": None}):
            with pytest.raises(SenderBlocked, match="the server's certificate is not trusted"):
                secure(server, certificates, **given).send(mail(9), soon())
        assert len(server.accepted()) == 3


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_for_another_name(tmp_path, certificates, tls):
    with SmtpServer(tmp_path / "accepted", tls=tls, certificates=certificates, host="0.0.0.0") as server:
        secure(server, certificates, host="127.0.0.1").send(mail(), soon())
        with pytest.raises(SenderBlocked, match="not trusted: IP address mismatch"):
            secure(server, certificates, host="127.0.0.2").send(mail(), soon())
        assert len(server.accepted()) == 1


def test_no_encryption_no_mail(server, certificates):
    sender = SmtpSender(host="127.0.0.1", port=server.port, security="starttls")
    with pytest.raises(SenderBlocked, match="the server offers no encryption"):
        sender.send(mail(), soon())
    assert "MAIL" not in server.verbs()


def test_encryption_that_breaks_off(tmp_path, certificates):
    """A server that speaks no TLS where it should, and one that goes away in the middle of the handshake."""
    with SmtpServer(tmp_path / "a") as plain:
        sender = SmtpSender(host="localhost", port=plain.port, security="tls", timeout=0.5)
        with pytest.raises(SenderBlocked, match=r"connecting: the encryption failed|connecting: no answer"):
            sender.send(mail(), soon())
    with SmtpServer(tmp_path / "b", tls="starttls", certificates=certificates) as server:
        sender = secure(server, certificates, timeout=0.3)
        for action in (Say("454 4.7.0 not now"), Say("220 go"), Cut(), Hang()):
            server.once("STARTTLS", action)
            with pytest.raises(SenderBlocked, match="STARTTLS: "):
                sender.send(mail(), soon())
        sender.send(mail(), soon())
        assert server.accepted() == ["<m1@shop.example>"]


# --- settings ---


def test_settings_from_a_mapping(monkeypatch):
    monkeypatch.setenv("SHOP_SMTP_PASSWORD", "s3cret")
    sender = SmtpSender.from_settings({"host": "mail.example", "user": "shop", "password_env": "SHOP_SMTP_PASSWORD"})
    assert (sender.port, sender.security, sender.password()) == (587, "starttls", "s3cret")
    assert SmtpSender.from_settings({"host": "mail.example", "security": "tls"}).port == 465
    assert "s3cret" not in repr(sender)
    monkeypatch.delenv("SHOP_SMTP_PASSWORD")
    with pytest.raises(SenderBlocked, match="the environment has no SHOP_SMTP_PASSWORD"):
        sender.send(mail(), soon())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "a", "password": "x"}, "is not written down: name a variable in password_env"),
        ({"host": "a", "prot": 1}, "has no setting 'prot'; there is "),
        ({"host": "a", "user": "x"}, "a login is a user and a password"),
        ({"host": "a.example", "user": "x", "password_env": "Y", "security": "none"}, "would travel in clear"),
        ({"host": "a", "security": "ssl"}, "set up wrongly"),
        ({"host": "a b"}, "set up wrongly"),
        ({}, "set up wrongly"),
    ],
)
def test_settings_that_do_not_work(settings, message):
    with pytest.raises(SettingsError, match=message):
        SmtpSender.from_settings(settings)
