"""What templates can do, and what none of them can."""

import datetime as dt
import time
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from sqlalchemy import orm

from segrules_sequences.errors import TemplateError
from segrules_sequences.mail.limits import Limits
from segrules_sequences.mail.sandbox import Sandbox
from segrules_sequences.mail.views import Method, View

CUSTOMER = View(
    "customer",
    {"name": "Ann <b>", "email": "ann@shop.example", "birth_date": dt.date(1980, 7, 12)},
    {"getName": Method("customer.getName", lambda: "Ann <b>")},
)
KNOWN = {
    "customer": CUSTOMER,
    "name": "Ann & Bob",
    "n": 3,
    "amount": Decimal("15.00"),
    "words": ["a", "<b>"],
    "empty": "",
    "zero": 0,
    "coupon_code": "CART-1",
    "day": dt.date(2025, 11, 20),
    "moment": dt.datetime(2025, 11, 20, 9, 5),
    "rows": [{"sku": "a-1", "price": Decimal("2.50")}],
}


def render(source: str, *, html: bool = True, limits: Limits | None = None, **values: object) -> str:
    sandbox = Sandbox(limits=limits or Limits(), functions={"shout": Method("shout", lambda text: text.upper())})
    return sandbox.compile("mail", source, KNOWN, html=html).render({**KNOWN, **values})


def refusal(source: str, **values: object) -> str:
    with pytest.raises(TemplateError) as caught:
        render(source, **values)
    return str(caught.value)


# --- what templates can do ---


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("{{ name }}", "Ann &amp; Bob"),
        ("{{ customer.name }}, {{ customer['name'] }}, {{ customer.getName() }}", ", ".join(["Ann &lt;b&gt;"] * 3)),
        ("{{ amount }} {{ n }} {{ none }} {{ true }}", "15.00 3  yes"),
        ("{{ day }} {{ moment }} {{ day.year }} {{ moment.hour }}", "2025-11-20 2025-11-20 09:05 2025 9"),
        ("{{ day|date }}; {{ day|date('short') }}", "Nov 20, 2025; 11/20/25"),
        ("{{ '2025-11-20'|date('full') }}", "Thursday, November 20, 2025"),
        ("{{ day|date('long', 'de_DE') }}", "20. November 2025"),
        ("{{ amount|money('EUR') }}", "€15.00"),
        ("{{ name ~ '<br>' ~ n }}", "Ann &amp; Bob&lt;br&gt;3"),
        ("{{ 'a' + 'b' }} {{ 7 * 6 }} {{ 1 / 4 }} {{ 0.1 + 0.2 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 5 }}",
         "ab 42 0.25 0.3 3 3 32"),
        ("{{ amount * 3 }} {{ (amount / 7)|round(2) }} {{ 2.5|round }} {{ -n|abs }}", "45.00 2.14 3 3"),
        ("{% for w in words %}{{ loop.index }}/{{ loop.length }}{{ loop.cycle('x', 'y') }} {{ w }};{% endfor %}",
         "1/2x a;2/2y &lt;b&gt;;"),
        ("{% for w in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for i in range(3) if i is odd %}{{ i }}{% endfor %}", "1"),
        ("{% for row in rows %}{{ row.sku }} {{ row.price }}{% endfor %}", "a-1 2.50"),
        ("{{ words|join(', ') }} {{ words|length }} {{ words[0] }} {{ words|last }}", "a, &lt;b&gt; 2 a &lt;b&gt;"),
        ("{% if zero is filled %}0 {% endif %}{% if empty is filled %}x{% else %}empty{% endif %}", "0 empty"),
        ("{% if n == 3 and name in ('x', 'Ann & Bob') %}yes{% elif n %}no{% endif %}", "yes"),
        ("{% set total = n + 1 %}{% with half = total / 2 %}{{ half }}{% endwith %}", "2"),
        ("{{ name|upper }} {{ name.lower() }} {{ 'x'.ljust(3) }}| {{ 'a-b'.replace('-', '+') }}",
         "ANN &amp; BOB ann &amp; bob x  | a+b"),
        ("{{ 'a<\nb'|nl2br }}", "a&lt;<br>\nb"),
        ("{{ 'a b/ü'|urlencode }}", "a%20b%2F%C3%BC"),
        ("{{ 'long enough'|truncate(5) }} {{ empty|default('x', true) }}", "long… x"),
        ("{{ shout('a') }}", "A"),
        ("{# said to nobody #}{% raw %}{{ n }}{% endraw %}\n", "{{ n }}\n"),
    ],
)  # fmt: skip
def test_renders(source, out):
    assert render(source) == out


def test_text_and_subjects_are_not_escaped():
    assert (
        render("{{ name }} {{ customer.name ~ '<' }} {{ words|join('&') }}", html=False) == "Ann & Bob Ann <b>< a&<b>"
    )


def test_a_variable_without_a_value_can_be_asked_about_and_used_for_nothing():
    program = Sandbox().compile(
        "mail", "{% if coupon_code is filled %}{{ coupon_code }}{% else %}-{% endif %}", KNOWN, html=True
    )
    assert program.render({}) == "-"
    assert program.variables == {"coupon_code"}
    for use in ("{{ coupon_code }}", "{{ coupon_code|upper }}", "{% if coupon_code %}x{% endif %}",
                "{{ coupon_code.x }}", "{{ coupon_code ~ 'x' }}", "{{ coupon_code + 'x' }}",
                "{% for c in coupon_code %}{% endfor %}",
                "{{ coupon_code[0] }}", "{{ coupon_code[:2] }}", "{{ coupon_code() }}"):  # fmt: skip
        with pytest.raises(TemplateError, match=r'mail:1: "coupon_code" has no value in this mail'):
            Sandbox().compile("mail", use, KNOWN, html=True).render({})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("\n\n{{ custmer.name }}", 'mail:3: there is no variable "custmer"; did you mean customer?'),
        ("{% if n %}\n{{ customer.nme }}{% endif %}", 'mail:2: customer has no "nme"; did you mean name?'),
        ("\n{{ name|uppr }}", 'mail:2: there is no filter "uppr"; did you mean upper?'),
        ("{{ n is filledd }}", 'mail:1: there is no test "filledd"; did you mean filled?'),
        ("{{ name|safe }}", 'mail:1: there is no filter "safe"; values in HTML are always escaped'),
        ("{{ customer }}", "mail:1: customer is more than one value; name one of name, email, birth_date"),
        ("{{ customer.getName }}", "mail:1: customer.getName is a method; call it: customer.getName()"),
        ("{{ words }}", "mail:1: a list cannot stand in a text; loop over it, or write |join(', ')"),
        ("{% for c in customer %}{% endfor %}", "mail:1: a loop goes over a list, and this is none"),
        ("a\n{% if n %}", "mail:2: Unexpected end of template."),
        ("{{ n / 0 }}", "mail:1: / has no result here, such as a division by zero"),
        ("{{ n < 'a' }}", "mail:1: this cannot be worked out (TypeError)"),
        ("{{ words[9] }}", "mail:1: there is no entry 9 in a list of 2"),
        ("{% macro f() %}{% endmacro %}", "mail:1: {% macro %} is not there; write {% include %}"),
        ("{{ shout() }}", "mail:1: shout(…) cannot be called like that"),
        ("{{ day|date('long', 'xx_YY') }}", "mail:1: |date was given a locale that there is not; write one like de_DE"),
    ],
)
def test_a_mistake_is_told_with_its_line(source, message):
    assert refusal(source).startswith(message)


def test_an_error_does_not_repeat_the_data():
    for source in ("{{ name|int }}", "{{ name < n }}", "{{ name.foo }}", "{{ name() }}", "{{ name[99] }}"):
        assert "secret" not in refusal(source, name="secret")


# --- what no template can do ---


class Base(orm.DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "customers"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    password_hash: orm.Mapped[str]


ESCAPES = [
    # the way up from a value to its class
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ name['__cla' ~ 'ss__'] }}",
    "{{ customer.__class__ }}",
    "{{ customer['__class__'] }}",
    "{{ customer.fields }}",
    "{{ customer['methods'] }}",
    "{{ customer.getName.__globals__ }}",
    "{{ customer.getName['_work'] }}",
    "{{ customer.getName.call() }}",
    "{{ words.append(1) }}",
    "{{ words.__len__() }}",
    "{{ n.real }}",
    "{{ n.__class__ }}",
    "{{ amount.as_tuple() }}",
    "{{ day.strftime('%99999999d') }}",
    "{{ moment.tzinfo }}",
    "{{ (1).bit_length() }}",
    "{{ name|attr('__class__') }}",
    "{{ name|map(attribute='__class__')|list }}",
    "{{ words|map('upper')|list }}",
    "{{ words|sort(attribute='__class__') }}",
    "{{ words|groupby('__class__') }}",
    "{{ words|sum(attribute='x') }}",
    "{{ customer|attr('email') }}",
    "{{ {'a': name}|xmlattr }}",
    "{{ customer|pprint }}",
    "{{ customer|tojson }}",
    "{{ customer|string }}",
    "{{ customer|list }}",
    "{{ shout.__globals__ }}",
    "{{ shout._work }}",
    "{{ loop }}",
    "{% for w in words %}{{ loop.__class__ }}{% endfor %}",
    "{% for w in words %}{{ loop._iterable }}{% endfor %}",
    "{% for w in words %}{{ loop(words) }}{% endfor %}",
    "{% for w in words recursive %}{{ loop(words) }}{% endfor %}",
    "{% for w in words %}{{ loop.cycle.__globals__ }}{% endfor %}",
    # formats
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '{0.__class__}'.format_map({'a': name}) }}",
    "{{ name|format(1) }}",
    "{{ '%s' % name }}",
    "{{ '%0200000000d' % 1 }}",
    "{{ '{:>200000000}'.format(1) }}",
    "{{ 'a'.format }}",
    "{{ ''|attr('format') }}",
    "{{ 'a'.encode() }}",
    "{{ 'a'.join(words) }}",
    "{{ 'a'.translate(words) }}",
    # what Jinja knows by itself
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace(a=1) }}",
    "{{ lipsum(100000) }}",
    "{{ lipsum.__globals__['os'].popen('id') }}",
    "{{ dict(a=1) }}",
    "{{ range.__self__ }}",
    "{{ range(5).count }}",
    "{{ environment }}",
    "{{ context }}",
    "{{ _ }}",
    "{{ __import__('os') }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ undefined.__class__ }}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% include 'passwd' %}",
    "{% include '/etc/passwd' %}",
    "{% include '../secrets' %}",
    "{% include name %}",
    "{% include ['a', 'b'] %}",
    "{% extends 'base' %}",
    "{% block a %}{% endblock %}",
    "{% macro a() %}{{ caller() }}{% endmacro %}{% call a() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% set x %}a{% endset %}",
    "{% set ns.x = 1 %}",
    "{% set _x = 1 %}",
    "{% set self = 1 %}",
    "{% do words.append(1) %}",
    "{% debug %}",
    "{% trans %}a{% endtrans %}",
    "{% autoescape false %}{{ name }}{% endautoescape %}",
    "{{ name|safe }}",
    "{{ name|raw }}",
    "{{ name|striptags }}",
    "{{ shout(*words) }}",
    "{{ shout(**customer) }}",
    "{{ shout(_x=1) }}",
    "{{ (name ~ 'x')() }}",
    "{{ words[0]() }}",
    "{{ {'a': 1} }}",
    "{{ [name, [name]] }}",
    "{{ name| loop }}",
    "{{ name is callable }}",
    "{{ name is sameas customer }}",
    # much out of little
    "{{ 'a' * 100000000 }}",
    "{{ 'a'|center(200000000) }}",
    "{{ 'a'.center(200000000) }}",
    "{{ 'a'.ljust(200000000) }}",
    "{{ 'a'.rjust(200000000) }}",
    "{{ 'a'.zfill(200000000) }}",
    "{{ 'a'.expandtabs(200000000) }}",
    "{{ words * 100000000 }}",
    "{{ 10 ** 1000000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 2 ** 64 ** 64 }}",
    "{{ 0.5 ** 100000 }}",
    "{{ 999999999999999999999999 }}",
    "{{ 99999999999999999 * 99999999999999999 }}",
    "{{ 1e400 }}",
    "{{ range(1001) }}",
    "{% for i in range(1001) %}{% endfor %}",
    "{% for i in range(100000000000000000) %}{% endfor %}",
    "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}",
    "{% for i in range(200) %}{% for j in range(200) %}{{ n }}{% endfor %}{% endfor %}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a ~ a ~ a ~ a %}" * 20,
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a + a %}" * 20,
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a.replace('a', 'aaaaaaaaaa') %}" * 20,
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a|replace('a', 'aaaaaaaaaa') %}" * 20,
    "{% set a = ['a', 'b'] %}" + "{% set a = [a, a] %}" * 20,
    "{% set a = 10 %}" + "{% set a = a * a %}" * 10,
    "{% set a = 'ü'.ljust(3000, 'ü') %}" + "{{ a|urlencode|urlencode }}" * 60,
    "{% for i in range(1000) %}" + "{{ 'x'.ljust(2000) }}" + "{% endfor %}",
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + "1 + " * 100 + "1 }}",
    "{{ name" + "|upper" * 100 + " }}",
    "{{ name" + "[0]" * 5000 + " }}",
    "{% if n %}" * 40 + "{% endif %}" * 40,
    "{% for i in words %}" * 25 + "{% endfor %}" * 25,
    "x" * (256 * 1024 + 1),
    "{{ " + "9" * 5000 + " }}",
]


@pytest.mark.parametrize("source", ESCAPES, ids=lambda source: source[:48])
def test_every_escape_is_refused(source):
    start = time.monotonic()
    refusal(source)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    "value",
    [
        Row(id=1, password_hash="x"),
        Row.__table__,
        Row,
        object(),
        print,
        Limits(),
        {"__class__": 1},
        {"a b": 1},
        {1: 2},
        {"a": Row(id=1)},
        [[[[["deep"]]]]],
        list(range(1001)),
        "a" * (64 * 1024 + 1),
        10**18,
        float("inf"),
        Decimal("NaN"),
        Decimal("1E-300000"),
        b"bytes",
        {1, 2},
        iter("abc"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_plain_values_get_in(value):
    assert "mail:" not in refusal("{{ name }}", name=value)


def test_what_data_says_of_itself_is_not_believed():
    class Sly(str):
        def __html__(self):
            return self

        def __str__(self):
            return "<script>"

    assert render("{{ name }}", name=Markup("<b>")) == "&lt;b&gt;"
    assert render("{{ name }}", name=Sly("<i>")) == "&lt;i&gt;"
    assert render("{{ words|join }}", words=[Markup("<b>")]) == "&lt;b&gt;"


def test_values_cannot_be_changed():
    with pytest.raises(TypeError):
        CUSTOMER.fields["name"] = "x"
    given = {"words": ["a"]}
    render("{{ words|join }}", **given)
    assert given == {"words": ["a"]}


DATA = st.one_of(
    st.text(max_size=40),
    st.sampled_from([
        "{{7*7}}", "{{ 7*7 }}", "{% raw %}", "{% endraw %}", "{# x", "{{config path=\"x\"}}", "{{var customer}}",
        "</title><script>alert(1)</script>", "\u202egnp.exe", "\x00", "\r\nBcc: x", "a" * 10_000, "\"'`<&>", "{%", "}}",
        "\ud800",
    ]),
)  # fmt: skip


HTML, TEXT = (Sandbox().compile("mail", "[{{ name }}]", KNOWN, html=html) for html in (True, False))


@given(DATA)
@settings(deadline=None, max_examples=300)
def test_data_is_never_a_template(text):
    out = HTML.render({"name": text})
    assert out == f"[{Markup.escape(text)}]"
    assert not {"<", ">", '"', "'"} & set(out)
    assert TEXT.render({"name": text}) == f"[{text}]"


def test_raw_is_for_trusted_authors():
    sandbox = Sandbox(raw=True)
    assert sandbox.compile("mail", "{{ name|raw }}", KNOWN, html=True).render({"name": "<b>"}) == "<b>"


@pytest.mark.parametrize(
    ("limits", "source", "message"),
    [
        (
            {"output": 1000},
            "{% for i in range(100) %}{{ 'ü'.ljust(10) }}{% endfor %}",
            "more than 1,000 bytes come out",
        ),
        ({"turns": 5}, "{% for i in range(6) %}{% endfor %}", "a range of 6 numbers; 5 are the most"),
        ({"turns": 1}, "{% for w in words %}{% endfor %}", "a loop of 2 turns; 1 are the most"),
        ({"text": 10}, "{{ name ~ 'and others' }}", "a text of 19 characters; 10 are the most"),
        ({"source": 20}, "{# " + "x" * 20 + " #}", "a template with all it includes has at most 20 characters"),
        ({"nesting": 2}, "{% if n %}{% if n %}{% if n %}x{% endif %}{% endif %}{% endif %}", "more than 2 levels"),
    ],
)
def test_limits(limits, source, message):
    assert message in refusal(source, limits=evolve(Limits(), **limits))


def test_nesting_reaches_the_limit():
    assert render("{% if n %}" * 31 + "x" + "{% endif %}" * 31) == "x"
    assert render("{% if zero %}" + "{% elif zero %}" * 200 + "{% else %}x{% endif %}") == "x"


def test_rendering_ends_in_time():
    body = "{% if name|upper|lower|upper == 'x' %}{% endif %}" * 500
    source = "{% for i in range(100) %}{% for j in range(90) %}" + body + "{% endfor %}{% endfor %}"
    start = time.monotonic()
    program = Sandbox(limits=Limits(seconds=0.3)).compile("mail", source, KNOWN, html=True)
    compiled = time.monotonic()
    with pytest.raises(TemplateError, match=r"rendering takes longer than 0\.3 s"):
        program.render(KNOWN | {"name": "x" * 60_000})
    assert time.monotonic() - compiled < 0.6
    assert compiled - start < 2


def test_two_renderings_at_once_have_a_budget_each():
    from concurrent.futures import ThreadPoolExecutor

    program = Sandbox().compile("mail", "{% for i in range(900) %}{{ i }}{% endfor %}", KNOWN, html=True)
    with ThreadPoolExecutor(8) as pool:
        assert len({pool.submit(program.render, {}).result() for _ in range(100)}) == 1
