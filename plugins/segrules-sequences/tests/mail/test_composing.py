"""From a template and a letter to a finished mail: variables, files, the table, includes, previews."""

import re
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes, policy

import pytest
import segrules as sr
import sqlalchemy as sa
from attrs import evolve

from segrules_sequences.audience import ShopAudience
from segrules_sequences.errors import AddressError, SequenceError, SettingsError, TemplateError
from segrules_sequences.mail.composing import MailComposer
from segrules_sequences.mail.previewing import preview
from segrules_sequences.mail.site import Site, Store
from segrules_sequences.mail.templates import FileTemplates, TableTemplates, parse_template
from segrules_sequences.mail.variables import COUPON, SAMPLE, sample, variables
from segrules_sequences.ports import Letter, Recipient, Template
from segrules_sequences.unsubscribe import Keys, UnsubscribeLinks, Wish

SITE = Site(
    stores=(
        Store(code="en", name="Tea & Co", url="https://shop.example/en/", phone="+49 1", email="tea@shop.example"),
        Store(code="de", name="Teeladen", url="https://shop.example/de"),
    ),
    config={"general/name": "Tea"},
    custom={"motto": "Drink <tea>"},
    media="https://media.shop.example/",
    skin="https://shop.example/skin/",
)
LINKS = UnsubscribeLinks("https://shop.example/u", Keys({"a": bytes(range(32))}))
LETTER = Letter(
    message_id="<abc@shop.example>",
    idem_key="k" * 64,
    sender="Tea & Co <tea@shop.example>",
    recipient=Recipient(
        id=7, email="ann@customer.example", first_name="Ann", last_name="Blüm <x>", store="de",
        fields={"gender": "female", "password_hash": "s3cret", "birth_date": date(1980, 7, 12)},
    ),
    sequence="abandoned cart",
    segment="Cart abandoned",
    step=2,
    steps=3,
    topic="offers",
    template="mail",
    at=datetime(2025, 11, 20, 9, 5, tzinfo=UTC),
)  # fmt: skip


def composer(templates, **more) -> MailComposer:
    kept = {each.name: each for each in templates}

    class Kept:
        def get(self, name):
            if name not in kept:
                raise TemplateError(f'there is no template "{name}"')
            return kept[name]

    return MailComposer(**{"templates": Kept(), "site": SITE, "links": LINKS, **more})


def said(source: str, letter: Letter = LETTER, **more) -> str:
    return composer([Template("mail", "s", source)], **more).preview(letter).html


# --- variables ---


def test_every_variable_of_the_reference():
    letter = evolve(LETTER, extra=COUPON)
    source = "|".join(
        "{{ " + name + " }}"
        for name in [
            "customer_firstname", "customer_lastname", "customer_name", "customer_email", "segment_name", "step_number",
            "step_count", "sequence_name", "sent_at", "coupon_code", "coupon_discount_text", "coupon_discount_amount",
            "coupon_description", "coupon_expires_date", "coupon_expires_formatted", "coupon_min_subtotal",
            "coupon_apply_url",
        ]
    )  # fmt: skip
    assert said(source, letter) == (
        "Ann|Blüm &lt;x&gt;|Ann Blüm &lt;x&gt;|ann@customer.example|Cart abandoned|2|3|abandoned cart|2025-11-20 09:05|"
        "CART-7K3M-P9QX-2HVT|15% off|15.00|Cart recovery|2025-11-20|Nov 20, 2025|50.00|"
        "https://shop.example/coupon/CART-7K3M-P9QX-2HVT"
    )
    assert said("{{ unsubscribe_url }}") == "https://shop.example/u/preview"


def test_the_objects_and_their_older_spellings():
    assert said(
        "{{ customer.first_name }} {{ customer.firstname }} {{ customer.getFirstname() }} {{ customer.getName() }}"
    ) == ("Ann Ann Ann Ann Blüm &lt;x&gt;")
    assert said(
        "{{ customer.getFirstName() }} {{ customer.getEmail() }} {{ customer.id }} {{ customer.birth_date.year }}"
    ) == ("Ann ann@customer.example 7 1980")
    assert said("{{ store.name }} {{ store.getName() }} {{ store.getFrontendName() }} {{ store.getPhone() }}|") == (
        "Teeladen Teeladen Teeladen |"
    )
    assert said("{{ store.getUrl('checkout/cart') }} {{ store.url() }} {{ store.url('/a b?x=1', q='ü&', n=2) }}") == (
        "https://shop.example/de/checkout/cart https://shop.example/de/ "
        "https://shop.example/de/a%20b?x=1&amp;q=%C3%BC%26&amp;n=2"
    )
    other = evolve(LETTER, recipient=evolve(LETTER.recipient, store="unheard-of"))
    assert said("{{ store.name }} {{ store.phone }}", other) == "Tea &amp; Co +49 1"
    assert said(
        "{{ config('general/name') }} {{ custom_var('motto') }} {{ media_url('a.png') }} {{ skin_url('b c.png') }}"
    ) == ("Tea Drink &lt;tea&gt; https://media.shop.example/a.png https://shop.example/skin/b%20c.png")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ customer.password_hash }}", 'customer has no "password_hash"'),
        ("{{ customer.getPasswordHash() }}", 'customer has no "getPasswordHash"'),
        ("{{ customer.zone }}", 'customer has no "zone"'),
        ("{{ store.getUrl('https://evil.example') }}", "leads away from the shop"),
        ("{{ store.getUrl('//evil.example') }}", "leads away from the shop"),
        ("{{ store.getUrl('../admin') }}", "leads away from the shop"),
        ("{{ store.getUrl('a\\\\b') }}", "leads away from the shop"),
        ("{{ store.getUrl(5) }}", "the path of an address is a text"),
        ("{{ store.url }}", "store.url is a method; call it"),
        ("{{ config('smtp/password') }}", "config has no 'smtp/password'; there is general/name"),
        ("{{ coupon_code }}", '"coupon_code" has no value in this mail; where that may be, ask with'),
        ("{{ preferences_url }}", '"preferences_url" has no value in this mail'),
        ("{{ password }}", 'there is no variable "password"'),
    ],
)
def test_what_is_not_seen(source, message):
    with pytest.raises(TemplateError) as caught:
        said(source)
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_coupon_that_never_expires_and_one_that_says_only_when():
    def coupon(**extra):
        return variables(evolve(LETTER, extra=extra), SITE)

    assert "coupon_expires_date" not in coupon(coupon_code="A", coupon_expires_date=None)
    assert "coupon_expires_formatted" not in coupon(coupon_code="A", coupon_expires_date=None)
    given = coupon(coupon_expires_date=datetime(2025, 11, 20, 23, 59, tzinfo=UTC))
    assert given["coupon_expires_date"] == date(2025, 11, 20)
    assert given["coupon_expires_formatted"] == "Nov 20, 2025"
    source = "{% if coupon_expires_date is filled %}until {{ coupon_expires_formatted }}{% else %}for ever{% endif %}"
    assert said(source, evolve(LETTER, extra={"coupon_code": "A", "coupon_expires_date": None})) == "for ever"


def test_plugins_add_variables_and_take_none():
    assert said("{{ points }}", evolve(LETTER, extra={"points": 5}), extra={"points": 1}) == "5"
    with pytest.raises(TemplateError, match='a plugin gives the variable "store", which every mail has already'):
        said("x", evolve(LETTER, extra={"store": "x"}))


def test_fields_of_a_customer_are_listed_by_the_shop():
    letter = evolve(LETTER, recipient=evolve(LETTER.recipient, fields={"level": "gold"}))
    assert said("{{ customer.level }} {{ customer.getLevel() }}", letter, fields=("id", "level")) == "gold gold"
    assert set(sample(SITE, fields=("id",))["customer"].fields) == {"id", "name", "firstname", "lastname"}


def test_a_site_that_does_not_work():
    for url in ("shop.example", "ftp://shop.example", "https://", "https://a@shop.example/", "https://shop.example/\n"):
        with pytest.raises(SettingsError, match="it must be an address like"):
            Store(name="a", url=url)
    with pytest.raises(SettingsError, match="each with a code of its own"):
        Site(stores=())
    with pytest.raises(SettingsError, match="media of the site"):
        Site(stores=SITE.stores, media="//cdn.example")


# --- a whole mail ---


def test_a_composed_mail():
    template = Template(
        "mail",
        "Still here,\n {{ customer_firstname }}?",
        "<h1>Hi {{ customer_name }}</h1><p class=a>{{ store.name }}</p><a href='{{ unsubscribe_url }}'>Unsubscribe</a>",
        version="3",
        style=".a { color: red }",
    )
    done = composer([template], inline=True).compose(LETTER)
    mail = message_from_bytes(done.mime, policy=policy.default)
    assert (done.subject, done.template_version, mail["Subject"]) == ("Still here, Ann?", "3", "Still here, Ann?")
    # Marks that addresses are made of are not in a name, so this one is left out.
    assert mail["To"] == "ann@customer.example"
    link = re.search(r"<(https://shop.example/u/[^>]+)>", mail["List-Unsubscribe"])[1]
    assert LINKS.read(link.rpartition("/")[2]) == Wish(7, "offers")
    text, html = (part.get_content() for part in mail.iter_parts())
    assert '<p class="a" style="color: red;">Teeladen</p>' in html
    assert link in html.replace("&amp;", "&")
    assert text.splitlines()[0] == "Hi Ann Blüm <x>"
    assert f"Unsubscribe ({link})" in text
    assert composer([template]).compose(LETTER).mime == composer([template]).compose(LETTER).mime


def test_a_mail_with_a_text_of_its_own_and_no_links():
    template = Template("mail", "s", "<p>{{ customer_lastname }}</p>", "Dear {{ customer_lastname }}\n")
    done = composer([template], links=None).compose(LETTER)
    mail = message_from_bytes(done.mime, policy=policy.default)
    assert "List-Unsubscribe" not in mail
    assert next(mail.iter_parts()).get_content().splitlines() == ["Dear Blüm <x>"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"email": None}, AddressError, "the customer has no address"),
        ({"email": "a@b.example, c@d.example"}, AddressError, "the local part"),
        ({"email": "Ann <a@b.example>"}, AddressError, "the local part"),
        ({"email": "Ann@Bücher.example"}, None, ""),
        ({"first_name": "=?utf-8?q?x?="}, None, ""),
        ({"first_name": "{{ 7*7 }}{% raw %}"}, None, ""),
        ({"first_name": "a\r\nBcc: x"}, None, ""),
    ],
)
def test_customers_as_they_are(change, error, message):
    subject = "Hi" if change.get("first_name", "").startswith("=?") else "Hi {{ customer_firstname }}"
    letter = evolve(LETTER, recipient=evolve(LETTER.recipient, **change))
    writing = composer([Template("mail", subject, "{{ customer_firstname }}")])
    if error is None:
        done = writing.compose(letter)
        mail = message_from_bytes(done.mime, policy=policy.default)
        expected = "Ann@xn--bcher-kva.example" if "email" in change else "ann@customer.example"
        assert [each.addr_spec for each in mail["To"].addresses] == [expected] == [done.recipient]
        assert "49" not in mail["Subject"]
        assert "Bcc" not in mail
        return
    with pytest.raises(error, match=message) as caught:
        writing.compose(letter)
    assert "b.example" not in str(caught.value)


def test_templates_are_checked_when_they_are_saved():
    def check(source, subject="s", **more):
        composer([Template("mail", subject, source)]).check("mail", **more)

    check("{{ coupon_code }} {{ customer.birth_date.year }} {{ unsubscribe_url }}")
    check("{% if coupon_code is filled %}{{ coupon_code }}{% endif %}", coupon=False)
    for source, subject, message in [
        ("{{ coupon_cod }}", "s", 'mail (html):1: there is no variable "coupon_cod"; did you mean coupon_code?'),
        ("a\n{{ 1 / 0 }}", "s", "mail (html):2: / has no result here"),
        ("{% if step_number == 99 %}\n{{ custmer }}{% endif %}", "s", "mail (html):2: there is no variable"),
        ("a", "{{ x }}", 'mail (subject):1: there is no variable "x"'),
        ("a", " ", "mail: the template has no subject"),
        ("a", "{{ store.phone|default('')|truncate(1) if false }}", "mail (subject): nothing is left of the subject"),
        ("a", "{{ 'x'.ljust(500, 'x') }}", "mail (subject): the subject has more than 400 characters"),
        ("<script>x</script>", "s", "mail (html): what comes out has a <script>, at its line 1; mails have none"),
    ]:
        with pytest.raises(TemplateError) as caught:
            check(source, subject)
        assert str(caught.value).startswith(message)
    with pytest.raises(TemplateError, match='"coupon_code" has no value in this mail'):
        check("{{ coupon_code }}", coupon=False)
    with pytest.raises(TemplateError, match='there is no template "none"'):
        composer([]).check("none")


def test_includes():
    parts = [
        Template(
            "mail",
            "{{ customer_firstname }}",
            "{% include 'head' %}{% for i in range(2) %}{% include 'row' %}{% endfor %}",
        ),
        Template("head", "", "<h1>{{ store.name }}</h1>{% set i = 'own' %}{{ i }}"),
        Template("row", "", "<p>{{ i }} {% include 'deep/er' %}</p>"),
        Template("deep/er", "", "{{ customer_lastname }}"),
    ]
    assert composer(parts).preview(LETTER).html == (
        "<h1>Teeladen</h1>own<p>0 Blüm &lt;x&gt;</p><p>1 Blüm &lt;x&gt;</p>"
    )


def test_an_included_template_that_changes_is_read_anew():
    writing = composer(parts := [Template("mail", "s", "{% include 'a' %}"), Template("a", "", "old")])
    assert writing.preview(LETTER).html == "old"
    kept = writing.templates.get("mail"), Template("a", "", "new")
    writing.renderer.templates = type("T", (), {"get": lambda _, name: {each.name: each for each in kept}[name]})()
    assert writing.preview(LETTER).html == "new"
    assert len(parts) == 2


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"mail": "\n{% include 'a' %}", "a": "{{ 1\n/\n0 }}"}, "a:1: / has no result"),
        ({"mail": "\n{% include 'a' %}", "a": "\n\n{{ x }}"}, 'a:3: there is no variable "x"'),
        ({"mail": "\n{% include 'a' %}", "a": "\n{% if %}"}, "a:2: Expected an expression"),
        ({"mail": "\n{% include 'none' %}"}, 'mail (html):2: there is no template "none"'),
        ({"mail": "{% include 'mail' %}"}, 'mail:1: "mail" includes itself'),
        ({"mail": "{% include 'a' %}", "a": "{% include 'b' %}", "b": "\n{% include 'a' %}"}, 'b:2: "a" includes'),
        (
            {"mail": "{% include 'a' %}"} | {x: f"{{% include '{chr(ord(x) + 1)}' %}}" for x in "abcdef"},
            "d:1: more than 4 includes within each other",
        ),
        (
            {"mail": "{% include 'a' %}", "d": "x" * 50}
            | {x: f"{{% include '{chr(ord(x) + 1)}' %}}" * 60 for x in "abc"},
            ": a template with all it includes has at most 262,144 characters",
        ),
    ],
)  # fmt: skip
def test_mistakes_in_what_is_included(parts, message):
    with pytest.raises(TemplateError) as caught:
        composer([Template(name, "s", source) for name, source in parts.items()]).preview(LETTER)
    assert message in str(caught.value)


# --- where templates are kept ---


def test_a_folder_of_templates(tmp_path):
    (tmp_path / "cart").mkdir()
    (tmp_path / "cart/step-1.html.j2").write_text("Subject: Hi {{ customer_firstname }}\nStyle: main.css\n\n<p>a</p>\n")
    (tmp_path / "cart/step-1.txt.j2").write_text("a\n")
    (tmp_path / "main.css").write_text("p { color: red }")
    (tmp_path / "part.html.j2").write_bytes("\ufeff<b>ü</b>\r\n".encode())
    (tmp_path / "plain.txt.j2").write_text("only text")
    templates = FileTemplates(tmp_path)
    assert templates.names() == ["cart/step-1", "part", "plain"]
    template = templates.get("cart/step-1")
    assert (template.subject, template.html, template.text) == ("Hi {{ customer_firstname }}", "<p>a</p>\n", "a\n")
    assert (template.style, len(template.version)) == ("p { color: red }", 12)
    part = templates.get("part")
    assert (part.subject, part.html, part.text) == ("", "<b>ü</b>\n", None)
    (tmp_path / "main.css").write_text("p { color: blue }")
    assert templates.get("cart/step-1").version != template.version
    MailComposer(templates=templates, site=SITE, links=LINKS).check("cart/step-1")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", 'there is no template "none"; there is bad, big, latin, link, styleless'),
        ("latn", 'there is no template "latn"; did you mean latin?'),
        ("../outside", "the name of a template has letters"),
        ("/etc/passwd", "the name of a template has letters"),
        ("a/../../outside", "the name of a template has letters"),
        ("a\x00b", "the name of a template has letters"),
        ("link", 'there is no template "link"'),
        ("latin", "latin.html.j2: the file is not UTF-8"),
        ("bad", "bad:2: the head has lines Subject: … and Style: …, and ends with an empty one"),
        ("styleless", 'styleless:1: there is no style "none.css"'),
        ("big", "big.html.j2: the file has more than 262,144 characters"),
    ],
)
def test_a_folder_with_mistakes(tmp_path, name, message):
    folder = tmp_path / "templates"
    folder.mkdir()
    (tmp_path / "outside.html.j2").write_text("secret")
    (folder / "link.html.j2").symlink_to(tmp_path / "outside.html.j2")
    (folder / "latin.html.j2").write_bytes(b"\xe4")
    (folder / "bad.html.j2").write_text("Subject: a\n<p>b</p>\n")
    (folder / "styleless.html.j2").write_text("Style: none.css\n\n<p>b</p>\n")
    (folder / "big.html.j2").write_text("x" * 2_000_000)
    with pytest.raises(TemplateError) as caught:
        FileTemplates(folder).get(name)
    assert str(caught.value).startswith(message)


AT = datetime(2025, 11, 20, 9, 5, tzinfo=UTC)


def test_a_table_of_templates(engine):
    templates = TableTemplates(engine)
    templates.create_table()
    first = templates.save(Template("mail", "Größe", "<p>ü 日本 😀</p>", "ü", style="p {}"), at=AT)
    assert first.version == "1"
    assert templates.save(Template("mail", "Größe", "<p>ü 日本 😀</p>", "ü", style="p {}"), at=AT).version == "1"
    second = templates.save(Template("mail", "größe", "<p>b</p>"), at=AT, after="1")
    assert second.version == "2"
    newest = templates.get("mail")
    assert (newest.subject, newest.html, newest.text, newest.version, newest.style) == (
        "größe",
        "<p>b</p>",
        None,
        "2",
        "",
    )
    assert templates.get("mail", 1).html == "<p>ü 日本 😀</p>"
    assert [(each.version, each.saved_at) for each in templates.versions("mail")] == [(2, AT), (1, AT)]
    assert templates.names() == ["mail"]
    with pytest.raises(SettingsError, match='the template "mail" has version 2 by now'):
        templates.save(Template("mail", "s", "other"), at=AT, after="1")
    with pytest.raises(TemplateError, match='there is no template "maill"; did you mean mail?'.replace("?", r"\?")):
        templates.get("maill")
    with pytest.raises(TemplateError, match='there is no template "mail" of version 9'):
        templates.get("mail", 9)
    for template in (Template("../a", "s", "x"), Template("a", "s", "x" * 300_000), Template("a", "s", "\x00")):
        with pytest.raises(TemplateError):
            templates.save(template, at=AT)
    MailComposer(templates=templates, site=SITE, links=LINKS).check("mail")


def test_two_that_save_at_once_make_two_versions_or_one_is_told(engine):
    templates = TableTemplates(engine)
    templates.create_table()
    start, told = threading.Barrier(4), []

    def save(number):
        start.wait()
        for turn in range(5):
            try:
                templates.save(Template("mail", "s", f"{number} {turn}"), at=AT)
            except (SettingsError, sa.exc.OperationalError) as error:
                told.append(error)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    versions = [each.version for each in templates.versions("mail")]
    assert versions == list(range(len(versions), 0, -1))
    assert len(versions) + len(told) == 20


def test_a_head_is_read_once():
    template = parse_template("a", "Subject: one\n\nSubject: two\n\nbody")
    assert (template.subject, template.html) == ("one", "Subject: two\n\nbody")
    assert parse_template("a", "Subject: one").html == ""


def test_the_header_for_the_key():
    for name in ("Bcc", "X-", "X-a: b", "X-\u00e9", "X-a\nBcc"):
        with pytest.raises(SettingsError, match="it begins with X- and has letters, digits and dashes"):
            composer([], key_header=name)


# --- previews ---


def test_a_preview_with_a_customer_of_the_shop():
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    sr.prepare(engine)
    shop = sr.Shop.default(timezone="Europe/Rome")
    shop.create_tables(engine)
    tables = shop.tables
    with engine.begin() as connection:
        connection.execute(tables["websites"].insert(), [{"id": 1, "code": "main", "name": "Main"}])
        connection.execute(tables["stores"].insert(), [{"id": 1, "website_id": 1, "code": "de", "name": "Laden"}])
        connection.execute(
            tables["customers"].insert(),
            [{"id": 3, "email": "ann@customer.example", "first_name": "Ann", "last_name": "Blüm", "store_id": 1,
              "website_id": 1, "birth_date": date(1980, 7, 12), "created_at": AT}],
        )  # fmt: skip
    audience = ShopAudience(sr.SegmentStore(engine, shop))
    writing = composer([
        Template("mail", "Hi {{ customer_firstname }}", "<p>{{ customer_name }}, "
                 "born {{ customer.birth_date|date('long') }}: {{ coupon_code }} at {{ store.name }}</p>")
    ])  # fmt: skip
    with engine.connect() as connection:
        shown = preview(writing, "mail", at=AT, audience=audience, connection=connection, customer=3)
        assert shown.subject == "Hi Ann"
        assert shown.html == "<p>Ann Blüm, born July 12, 1980: CART-7K3M-P9QX-2HVT at Teeladen</p>"
        assert shown.text == "Ann Blüm, born July 12, 1980: CART-7K3M-P9QX-2HVT at Teeladen\n"
        with pytest.raises(SequenceError, match="there is no customer 4"):
            preview(writing, "mail", at=AT, audience=audience, connection=connection, customer=4)
    assert preview(writing, "mail", at=AT).html.startswith("<p>John Doe, born July 12, 1980")
    with pytest.raises(TemplateError, match='"coupon_code" has no value'):
        preview(writing, "mail", at=AT, extra={})
    assert SAMPLE.extra["coupon_discount_amount"] == Decimal("15.00")


def test_templates_need_no_babel(monkeypatch):
    monkeypatch.setitem(sys.modules, "babel", None)
    assert said("{{ sent_at|date }}") == "Nov 20, 2025"
    with pytest.raises(TemplateError, match=r"this needs Babel: install segrules-sequences\[babel\]"):
        said("{{ 15|money('EUR') }}")
