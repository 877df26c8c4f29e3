"""A customer enters a segment, gets the mail over SMTP, follows the link in it, and gets no other one."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import segrules as sr
import sqlalchemy as sa
from segrules.segments import SegmentStore

from segrules_sequences import Sequence, Sequences, Step, plugin
from segrules_sequences.mail.composing import MailComposer
from segrules_sequences.mail.returned import Kind, take_in
from segrules_sequences.mail.senders.smtp import SmtpSender
from segrules_sequences.mail.site import Site, Store
from segrules_sequences.mail.templates import FileTemplates
from segrules_sequences.unsubscribe import Keys, UnsubscribeLinks, UnsubscribePage
from smtp_server import Say, SmtpServer

SECRET = bytes(range(32))
AT = datetime.now(UTC) - timedelta(hours=1)


def test_from_the_segment_to_the_mailbox_and_back(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.sqlite")
    sr.prepare(engine)
    shop = sr.Shop.default()
    shop.create_tables(engine)
    store = SegmentStore(engine, shop, listeners=[plugin.segrules_members_changed])
    store.create_tables()
    store.save(sr.Segment(name="anns", title="Every Ann", rule='customer.first_name is "Ann"'))
    people = [
        ("Ann", "ann@Bücher.example"),
        ("Ann", "gone@customer.example"),
        ("Ann", "no address"),
        ("Ben", "b@b.example"),
    ]
    with engine.begin() as connection:
        connection.execute(
            shop.tables["customers"].insert(),
            [
                {"id": number, "first_name": name, "last_name": "O'Neil", "email": email, "created_at": AT}
                for number, (name, email) in enumerate(people, 1)
            ],
        )
        connection.execute(
            shop.tables["newsletter_subscriptions"].insert(),
            [{"customer_id": number, "status": "subscribed", "changed_at": AT} for number in (1, 2, 3, 4)],
        )
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/welcome.html.j2").write_text(
        "Subject: Welcome, {{ customer_firstname }}\n\n<h1>Hi {{ customer_name }}</h1>"
        "<p><a href='{{ store.url('cart') }}'>Your cart</a></p><p><a href='{{ unsubscribe_url }}'>No more mails</a></p>"
    )
    links = UnsubscribeLinks("https://shop.example/u", Keys({"a": SECRET}))
    with SmtpServer(tmp_path / "accepted") as server:
        sequences = Sequences(
            store,
            composer=MailComposer(
                templates=FileTemplates(tmp_path / "templates"),
                site=Site(stores=(Store(name="Tea & Co", url="https://shop.example/"),)),
                links=links,
                key_header="X-PM-Metadata-segrules",
                inline=True,
            ),
            senders={"smtp": lambda: SmtpSender(host="127.0.0.1", port=server.port, security="none", timeout=2)},
            key=SECRET,
        )
        sequences.create_tables()
        sequences.save(
            Sequence(
                name="welcome",
                segment="anns",
                address="Tea & Co <tea@shop.example>",
                steps=[
                    Step(delay="0 minutes", template="welcome"),
                    Step(delay="1 minute", template="welcome", name="again"),
                ],
                gap="0 minutes",
            )
        )
        store.refresh("anns", at=AT)
        server.once("RCPT", Say("450 4.2.1 busy"), Say("550 5.1.1 <gone@customer.example> no such user"))
        worker = sequences.worker()
        worker.run_once()
        worker.close()
        assert server.accepted() == []

        # The first is tried again, the second never, and the third has no address that could be tried.
        tables = sequences.tables
        with engine.begin() as connection:
            rows = connection.execute(
                sa.select(tables.deliveries.c.customer_id, tables.deliveries.c.state, tables.deliveries.c.error).where(
                    tables.deliveries.c.step == "welcome"
                )
            ).all()
            assert {(row.customer_id, row.state) for row in rows} >= {(1, "planned"), (2, "failed"), (3, "failed")}
            assert all("@customer" not in (row.error or "") and "no address" not in (row.error or "") for row in rows)
            connection.execute(tables.deliveries.update().values(due_at=AT))
        worker = sequences.worker()
        worker.run_once()
        worker.close()
        mail = message_from_bytes(server.mails[0], policy=policy.default)
        assert len(server.accepted()) == 1
        assert ("RCPT", "TO:<ann@xn--bcher-kva.example>") in server.seen
        assert (mail["Subject"], mail["To"]) == ("Welcome, Ann", "Ann O'Neil <ann@xn--bcher-kva.example>")
        assert mail["Message-ID"] == server.accepted()[0]
        assert mail["X-PM-Metadata-segrules"] == mail["X-Segrules-Key"]
        text = next(mail.iter_parts()).get_content()
        assert "Hi Ann O'Neil" in text
        assert "Your cart (https://shop.example/cart)" in text

        # One click on the link stops the rest of the run, for this customer alone.
        token = re.search(r"<https://shop.example/u/([^>]+)>", mail["List-Unsubscribe"])[1]
        assert f"No more mails (https://shop.example/u/{token})" in text
        page = UnsubscribePage(links, sequences)

        # Whoever looks at a preview can click what they like.
        shown = message_from_bytes(sequences.preview("welcome", 1, 1).mime, policy=policy.default)
        assert shown["List-Unsubscribe"] == "<https://shop.example/u/preview>"
        for part in shown.iter_parts():
            assert set(re.findall(r"https://shop.example/u/([^\s)'\"]+)", part.get_content())) == {"preview"}
        assert b"comes from a preview" in page.answer("POST", "/preview", b"stop=all", "192.0.2.1").body
        assert list(sequences.statistics()[0].reasons) == ["a mail failed"]
        assert page.answer("POST", f"/{token}", b"List-Unsubscribe=One-Click", "192.0.2.1").status == "200 OK"
        with engine.begin() as connection:
            connection.execute(tables.deliveries.update().values(due_at=AT))
        worker = sequences.worker()
        worker.run_once()
        worker.close()
        assert len(server.accepted()) == 1

        # A report that this mail came back: the address gets no more, whoever has it. A made-up one does nothing.
        report = (
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
            "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nAction: failed\r\n"
            "Status: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: {}\r\n\r\n--b--\r\n"
        )
        counted = sa.select(sa.func.count()).select_from(tables.suppressions)
        with engine.connect() as connection:
            before = connection.scalar(counted)
        assert take_in(sequences, report.format("<0123@shop.example>").encode()) == []
        for _ in range(2):
            found = take_in(sequences, report.format(mail["Message-ID"]).encode())
            assert [each.kind for each in found] == [Kind.HARD]
        with engine.connect() as connection:
            assert connection.scalar(counted) == before + 1
