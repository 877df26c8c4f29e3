"""The senders that keep mails: each accepts a mail once, and can tell what it has."""

import mailbox
import os
import threading
import time

import pytest
import sqlalchemy as sa
from segrules.hookspecs import hookimpl

from segrules_sequences.errors import SettingsError
from segrules_sequences.hookspecs import registered
from segrules_sequences.mail.senders import sender_of
from segrules_sequences.mail.senders.maildir import MaildirSender
from segrules_sequences.mail.senders.memory import MemorySender
from segrules_sequences.mail.senders.outbox import OutboxSender
from segrules_sequences.ports import Lookup, Outgoing, SenderBlocked, Temporary


def mail(number: int = 1) -> Outgoing:
    identity = f"<m{number}@shop.example>"
    mime = f"Message-ID: {identity}\r\nSubject: ü {number}\r\n\r\nhello\r\n".encode()
    return Outgoing(identity, "shop@shop.example", "ann@customer.example", mime, f"key{number}")


def soon() -> float:
    return time.monotonic() + 5


@pytest.fixture
def outbox(engine):
    outbox = OutboxSender(engine)
    outbox.create_table()
    return outbox


def accepts_once(sender, count) -> None:
    for _ in range(2):
        assert sender.send(mail(1), soon()).provider_id
    sender.send(mail(2), soon())
    assert count() == 2
    assert sender.lookup("<m1@shop.example>") is Lookup.ACCEPTED
    assert sender.lookup("<m3@shop.example>") is Lookup.NOT_FOUND
    with pytest.raises(Temporary, match="no time is left"):
        sender.send(mail(3), time.monotonic() - 1)
    assert count() == 2
    sender.close()


def test_outbox_accepts_once(outbox):
    with outbox.engine.connect() as connection:
        accepts_once(outbox, lambda: connection.scalar(sa.select(sa.func.count()).select_from(outbox.table)))


def test_two_that_put_the_same_mail_at_once_put_it_once(outbox):
    start = threading.Barrier(4)
    failures = []

    def put():
        start.wait()
        try:
            for number in range(10):
                outbox.send(mail(number), soon())
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    # SQLite may say that somebody else is writing; that is a Temporary, and nothing else is.
    assert all(isinstance(each, Temporary) for each in failures)
    for number in range(10):
        outbox.send(mail(number), soon())
    with outbox.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(outbox.table)) == 10


def test_the_shop_takes_from_the_outbox(outbox):
    for number in range(5):
        outbox.send(mail(number), soon())
    with outbox.taking(limit=3) as waiting:
        assert [each.message_id for each in waiting] == [f"<m{number}@shop.example>" for number in range(3)]
        assert waiting[0].mime == mail(0).mime
        assert waiting[0].recipient == "ann@customer.example"
    with pytest.raises(ZeroDivisionError), outbox.taking() as waiting:
        len(waiting) / 0
    with outbox.taking() as waiting:
        assert len(waiting) == 2
    with outbox.taking() as waiting:
        assert waiting == []
    assert outbox.lookup("<m0@shop.example>") is Lookup.ACCEPTED


def test_two_mailers_take_different_mails(outbox):
    if outbox.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    for number in range(4):
        outbox.send(mail(number), soon())
    with outbox.taking(limit=2) as first, outbox.taking(limit=2) as second:
        assert len({each.message_id for each in [*first, *second]}) == 4


def test_an_outbox_that_is_not_there(tmp_path):
    away = OutboxSender(sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    with pytest.raises(SenderBlocked, match="the outbox cannot be reached"):
        away.send(mail(), soon())
    assert away.lookup("<a@b>") is Lookup.UNKNOWN
    empty = OutboxSender(sa.create_engine(f"sqlite:///{tmp_path}/empty.sqlite"))
    with pytest.raises(Temporary, match="the outbox took nothing"):
        empty.send(mail(), soon())


def test_maildir_accepts_once(tmp_path):
    sender = MaildirSender(tmp_path / "box")
    accepts_once(sender, lambda: len(list((tmp_path / "box" / "new").iterdir())))
    assert not list((tmp_path / "box" / "tmp").iterdir())
    # A reader moves what it has read; the sender still knows it.
    box = mailbox.Maildir(tmp_path / "box")
    for key, message in box.iteritems():
        message.set_subdir("cur")
        message.add_flag("S")
        box[key] = message
    assert len(list((tmp_path / "box" / "cur").iterdir())) == 2
    assert sender.lookup("<m1@shop.example>") is Lookup.ACCEPTED
    sender.send(mail(1), soon())
    assert len(box) == 2


def test_maildir_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SenderBlocked, match="the maildir cannot be written"):
        MaildirSender(tmp_path / "file" / "box").send(mail(), soon())


def test_memory():
    sender = MemorySender()
    sender.refusals.append(SenderBlocked("later"))
    with pytest.raises(SenderBlocked):
        sender.send(mail(), soon())
    sender.send(mail(), soon())
    assert [each.idem_key for each in sender.mails] == ["key1"]
    assert sender.lookup("<m1@shop.example>") is Lookup.ACCEPTED
    assert "hello" not in repr(sender)


def test_kinds_of_senders(tmp_path):
    engine = sa.create_engine("sqlite://")
    assert sender_of("smtp", {"host": "mail.example"}, engine).name == "smtp"
    assert sender_of("maildir", {"folder": os.fspath(tmp_path)}, engine).name == "maildir"
    assert sender_of("memory", {}, engine).name == "memory"
    assert sender_of("outbox", {}, engine).engine is engine
    with pytest.raises(SettingsError, match=r'there is no kind of sender "smtpp"; did you mean smtp\?'):
        sender_of("smtpp", {}, engine)
    for kind in ("maildir", "memory", "outbox"):
        with pytest.raises(SettingsError):
            sender_of(kind, {"colour": "red"}, engine)


def test_a_plugin_brings_a_sender():
    class Pigeons:
        @hookimpl(optionalhook=True)
        def segrules_senders(self):
            return {"pigeon": lambda settings: MemorySender(name=settings["coop"])}

    class Thief:
        @hookimpl(optionalhook=True)
        def segrules_senders(self):
            return {"smtp": lambda settings: MemorySender()}

    engine = sa.create_engine("sqlite://")
    assert sender_of("pigeon", {"coop": "roof"}, engine, plugins=registered([Pigeons()])).name == "roof"
    with pytest.raises(SettingsError, match='the kind of sender "smtp" is there already'):
        sender_of("pigeon", {}, engine, plugins=registered([Thief()]))
