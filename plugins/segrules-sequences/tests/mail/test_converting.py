"""Templates in the older syntax: the same mail comes out, or a refusal that names the place."""

import contextlib
import re
import time
from itertools import count
from random import Random
from urllib.parse import quote

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from segrules_sequences.errors import ConversionError, TemplateError
from segrules_sequences.mail.composing import MailComposer
from segrules_sequences.mail.converting import convert
from segrules_sequences.mail.sandbox import Sandbox
from segrules_sequences.mail.site import Site, Store
from segrules_sequences.mail.templates import FileTemplates
from segrules_sequences.mail.variables import SAMPLE, sample, variables

SITE = Site(
    stores=(Store(name="Tea & Co", url="https://shop.example/", phone="+49 1"),),
    config={"general/name": "Tea"},
    custom={"motto": "Drink"},
    media="https://media.shop.example/",
)
KNOWN = sample(SITE)
VALUES = variables(SAMPLE, SITE, unsubscribe_url="https://shop.example/u/x")


def converted(source: str, **settings) -> str:
    return convert(source, site=SITE, **settings).body


SANDBOX = Sandbox(functions=SITE.functions())


def rendered(source: str, values=VALUES) -> str:
    body = convert(source, site=SITE, known=KNOWN).body
    return SANDBOX.compile("mail", body, KNOWN, html=True, includes=lambda key: f"[{key}]").render(values)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{{var customer_firstname}}", "{{ customer_firstname }}"),
        ("{{var  customer.firstname }}", "{{ customer.firstname }}"),
        ("{{VAR customer_firstname}}", "{{ customer_firstname }}"),
        ("{{var\ncustomer_firstname}}", "{{ customer_firstname }}"),
        ("{{var store.getUrl('checkout/cart')}}", "{{ store.getUrl('checkout/cart') }}"),
        ('{{var store.getUrl("catalog")}}', "{{ store.getUrl('catalog') }}"),
        ("{{var customer.getName()|escape}}", "{{ customer.getName() }}"),
        ("{{var customer_name|escape:html}}", "{{ customer_name }}"),
        ("{{var customer_name|escape:htmlentities}}", "{{ customer_name }}"),
        ("{{var customer_name|escape:url}}", "{{ customer_name|urlencode }}"),
        ("{{var customer_name|nl2br}}", "{{ customer_name|nl2br }}"),
        ("{{var customer_name|escape|nl2br}}", "{{ customer_name|nl2br }}"),
        ("{{htmlescape var=$customer_name}}", "{{ customer_name }}"),
        ('{{htmlescape var="$customer.getName()"}}', "{{ customer.getName() }}"),
        ("{{if coupon_code}}a{{/if}}", "{% if coupon_code is filled %}a{% endif %}"),
        ("{{if coupon_code}}a{{else}}b{{/if}}", "{% if coupon_code is filled %}a{% else %}b{% endif %}"),
        ("{{depend store.getPhone()}}a{{/depend}}", "{% if store.getPhone() is filled %}a{% endif %}"),
        ("{{if coupon_code}}{{if customer_name}}a{{/if}}{{else}}b{{/if }}",
         "{% if coupon_code is filled %}{% if customer_name is filled %}a{% endif %}{% else %}b{% endif %}"),
        ('{{store url="checkout/cart"}}', "{{ store.url('checkout/cart') }}"),
        ("{{store url=''}}", "{{ store.url('') }}"),
        ('{{store direct_url="about.html" _query_a="b" _query_id=$customer.id}}',
         "{{ store.url('about.html', a='b', id=customer.id) }}"),
        ('{{store url="a" _fragment="top"}}', "{{ store.url('a' ~ '#top') }}"),
        ('{{store url="a" _secure="1" _nosid=1}}', "{{ store.url('a') }}"),
        ('{{media url="logo.png"}}', "{{ media_url('logo.png') }}"),
        ('{{config path="general/name"}}', "{{ config('general/name') }}"),
        ('{{customvar code="motto"}}', "{{ custom_var('motto') }}"),
        ("{{protocol}}://x", "https://x"),
        ('{{protocol url="x.example/"}}', "https://x.example/"),
        ('{{protocol http="http://a" https="https://b"}}', "https://b"),
        ('{{template config_path="design/email/header"}}', "{% include 'design/email/header' %}"),
        ('{{include template="footer"}}', "{% include 'footer' %}"),
        ('a{{inlinecss file="mail.css"}}b', "ab"),
        ("{{var subscriber.getUnsubscriptionLink()}}", "{{ unsubscribe_url }}"),
        ("a {% b {# c %} d #} e", "a {{ '{' }}% b {{ '{' }}# c %} d #} e"),
        ("p { color: red }", "p { color: red }"),
        ("a {", "a {"),
        ('{{protocol url="x{"}}{{var customer_name}}', "https://x{{ '{' }}{{ customer_name }}"),
        ("{<!--@vars x @-->{{var customer_name}}", "{{ '{' }}{{ customer_name }}"),
        ("{<!--@vars x @-->% {<!--@vars x @-->{", "{{ '{' }}% {{ '{' }}{"),
        ("}}", "}}"),
        ("", ""),
    ],
)  # fmt: skip
def test_directives(old, new):
    assert converted(old) == new


def refused(source: str, **settings) -> str:
    with pytest.raises(ConversionError) as caught:
        convert(source, site=SITE, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{var custmer_name}}", '1:7: there is no variable "custmer_name"; did you mean customer_name?'),
        ("a\nb {{var customer.nme}}", 'template:2:9: customer has no "nme"; did you mean name?: {{var customer.nme}}'),
        ("{{var customer.__class__}}", "1:16: a name is wanted here, of letters and digits, with no _ before it"),
        ("{{var _x}}", "1:7: a name is wanted here"),
        ("{{var customer.__init__.__globals__}}", "1:16: a name is wanted here"),
        ("{{var customer.fields}}", 'customer has no "fields"'),
        ("{{var customer}}", "customer is more than one value; name one of "),
        ("{{var customer.getName}}", "customer.getName is a method, and wants brackets"),
        ("{{var customer.name()}}", "customer.name is a value, and no method"),
        ("{{var customer_name.upper}}", 'customer_name is one value, and has no "upper"'),
        ("{{var customer_name.strftime()}}", "is one value"),
        ("{{var store.getUrl(customer_name)}}", "1:20: an argument can only be a text in quotes or a number"),
        ("{{var store.getUrl('a' 'b')}}", "1:24: a comma or a closing bracket is wanted here"),
        ("{{var store.getUrl([a:1])}}", "an argument can only be"),
        ("{{var customer_name + 1}}", "1:20: only a path can stand here"),
        ("{{var customer_name|upper}}", '1:21: there is no counterpart of the modifier "upper" here'),
        ("{{var customer_name|escape|foo}}", '1:28: there is no counterpart of the modifier "foo" here'),
        ("{{var customer_name|nl2br|escape}}", '"escape" after another modifier would show its marks'),
        ("{{var customer_name|raw}}", '"raw" lets HTML of a customer into the mail'),
        ("{{var customer_name|}}", 'there is no counterpart of the modifier "" here'),
        ("{{var}}", "1:6: a blank is wanted after var"),
        ("{{ var customer_name}}", "1:3: the name of a directive is wanted right after {{"),
        ("{{}}", "the name of a directive is wanted right after {{"),
        ("{{7*7}}", "the name of a directive is wanted right after {{"),
        ("{{{var customer_name}}}", "the name of a directive is wanted right after {{"),
        ("{{customer_name}}", 'there is no counterpart of "customer"'),
        ("{{block type='core/template'}}", "there is no counterpart of \"block\": {{block type='core/template'}}"),
        ("{{layout handle='x'}}", 'there is no counterpart of "layout"'),
        ("{{widget type='x'}}", 'there is no counterpart of "widget"'),
        ("{{trans 'x'}}", 'there is no counterpart of "trans"'),
        ("a {{var customer_name", "1:3: {{ begins a directive that does not end: {{var customer_name"),
        ("{{if coupon_code}}a", "1:1: {{if}} is never closed"),
        ("{{if coupon_code == 'a'}}a{{/if}}", "only a path can stand here"),
        ("{{if}}a{{/if}}", "a name is wanted here"),
        ("{{else}}", "{{else}} stands in no {{if}}"),
        ("{{depend coupon_code}}a{{else}}b{{/depend}}", "{{else}} stands in no {{if}}"),
        ("{{if coupon_code}}a{{else}}b{{else}}c{{/if}}", "this {{if}} has an {{else}} already"),
        ("{{if coupon_code}}a{{/depend}}{{/if}}", "{{/depend}} closes nothing; {{if}} is open"),
        ("{{/if}}", "{{/if}} closes nothing"),
        ("{{if coupon_code}}a{{/if x}}", "nothing stands after /if"),
        ("{{htmlescape var=$customer_name allowed_tags='b'}}", "tags in a value have no counterpart here"),
        ("{{htmlescape customer_name}}", 'parameters are written name="value"'),
        ("{{store}}", '{{store}} wants url="…" or direct_url="…"'),
        ("{{store url='a' _store='de'}}", 'there is no counterpart of the parameter "_store" here'),
        ("{{store url='a' url='b'}}", 'the parameter "url" is there twice'),
        ("{{store url='a' _query_x=$password}}", 'there is no variable "password"'),
        ("{{skin url='a'}}", "the site gives no skin_url"),
        ("{{config path='smtp/password'}}", 'the site gives no config "smtp/password"; there is general/name'),
        ("{{config path=$customer_name}}", "the site gives no config"),
        ("{{customvar code='x'}}", 'the site gives no custom_var "x"'),
        ("{{template config_path='../../etc/passwd'}}", "this cannot be the name of a template"),
        ("{{include template=$customer_name}}", "this cannot be the name of a template"),
        ("{{inlinecss file='/etc/passwd'}}", "this cannot be the name of a file with a style"),
        ("{{inlinecss file='a.css'}}{{inlinecss file='b.css'}}", "a template has one file with its style"),
    ],
)
def test_refusals(source, message):
    assert message in refused(source)


def test_all_mistakes_are_told_at_once():
    text = refused("{{var a}}\n<p>{{block x}}</p>\n{{if coupon_code}}", name="cart")
    assert [line.split(": ")[0] for line in text.splitlines()] == ["cart:1:7", "cart:2:6", "cart:3:1"]


def test_the_report():
    done = convert(
        '<!--@subject {{var store.getName()}}: {{var customer_firstname}} @-->\n<!--@vars {"a":"b"} @-->\n'
        "<!--@styles\np { color: red }\n@-->\n<p>{{template config_path='head'}}\n{{var customer_name|raw}}</p>"
        "{{store url='a' _secure=1}}{{inlinecss file='x/mail.css'}}",
        site=SITE,
        raw=True,
    )
    assert done.subject == "{{ store.getName() }}: {{ customer_firstname }}"
    assert (done.style, done.style_file, done.included) == ("p { color: red }", "x/mail.css", ("head",))
    assert [str(note) for note in done.notes] == [
        '6:4: includes the template "head", which has to be there',
        "7:1: this value stays HTML as it is, whatever is in it",
        "7:30: _secure is left out: addresses of a store are absolute, and as it says",
    ]
    assert done.body.split("\n")[-1] == "{{ customer_name|raw }}</p>{{ store.url('a') }}"
    assert "@" not in done.body


def test_a_mistake_in_the_subject_is_told_with_its_place():
    assert refused("a\n<!--@subject x {{var foo}} @-->").startswith('template:2:22: there is no variable "foo"')
    assert refused("a", subject="{{var foo}}").startswith('template (subject):1:7: there is no variable "foo"')
    assert convert("a", site=SITE, subject="Hi {{var customer_firstname}}").subject == "Hi {{ customer_firstname }}"


def test_files_of_a_conversion(tmp_path):
    done = convert(
        "<!--@subject Hi {{var customer_firstname}} @-->\n<!--@styles p {color: red} @-->\n<p>{{var coupon_code}}</p>",
        site=SITE,
    )
    for name, content in done.files("cart").items():
        (tmp_path / name).write_text(content)
    template = FileTemplates(tmp_path).get("cart")
    assert (template.subject, template.style) == ("Hi {{ customer_firstname }}", "p {color: red}")
    composer = MailComposer(templates=FileTemplates(tmp_path), site=SITE, links=None)
    composer.check("cart")
    assert "CART-7K3M" in composer.preview(evolve(SAMPLE, template="cart")).text
    assert done.template("cart").html == done.body


#: The kinds of templates that the older system's handbook shows; the words are ours.
EXAMPLES = {
    "cart": """<!DOCTYPE html><html><head><style>.go { color: white; display: inline-block; }</style></head><body>
<h2>Hello {{var customer_firstname}},</h2><p>Your basket is as you left it.</p>
<a href="{{var store.getUrl('checkout/cart')}}" class="go">To the basket</a>
<p>Call us: {{var store.getPhone()}}</p></body></html>""",
    "coupon": """<div class="code">{{var coupon_code}}</div><p><strong>{{var coupon_discount_text}}</strong>
({{var coupon_discount_amount}}, {{var coupon_description}}) until {{var coupon_expires_formatted}},
{{var coupon_expires_date}}</p>{{var segment_name}} {{var step_number}} {{var customer_email}}""",
    "welcome": """<h1>Welcome to {{var store.getName()}}, {{var customer_firstname}} {{var customer_lastname}}!</h1>
{{if coupon_code}}<p>{{var coupon_code}}</p>{{else}}<p>See you soon.</p>{{/if}}
{{depend customer_lastname}}<p>{{var customer_name}}</p>{{/depend}}
<ul><li><a href="{{store url="catalog" _query_from="mail"}}">Look around</a></li></ul>""",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_whole_templates(name):
    out = rendered(EXAMPLES[name])
    assert "{{" not in out
    assert out.count("\n") == EXAMPLES[name].count("\n")
    if name == "cart":
        assert '<a href="https://shop.example/checkout/cart" class="go">' in out
        assert "Call us: +49 1" in out
    if name == "coupon":
        assert "15% off" in out and "(15.00, Cart recovery) until Nov 20, 2025,\n2025-11-20" in out
    if name == "welcome":
        assert "Welcome to Tea &amp; Co, John Doe!" in out
        assert "https://shop.example/catalog?from=mail" in out


def escaped_text(text: str) -> str:
    return str(Markup.escape(text))


def test_what_a_customer_is_called_is_no_directive():
    for name in ('{{config path="general/name"}}', "{{var coupon_code}}", "{{ 7*7 }}", "{% raw %}", "<b>"):
        assert rendered("{{var customer_firstname}}", VALUES | {"customer_firstname": name}) == escaped_text(name)


# --- against a model of the older filter ---


def model(source: str, values: dict) -> str:
    """What the older filter makes of a template, with values escaped; no block is within one of its kind."""

    def get(path: str):
        return values[path.strip()]

    def is_filled(path: str) -> bool:
        # In its language, nothing, false and the empty text equal the empty text, and 0 does not.
        return not (get(path) is None or get(path) is False or get(path) == "")

    def variable(found: re.Match) -> str:
        path, *modifiers = found[1].split("|")
        value = get(path)
        text = "" if value is None else str(value)
        if modifiers == ["escape:url"]:
            return quote(text, safe="")
        text = escaped_text(text)
        return text.replace("\n", "<br>\n") if "nl2br" in modifiers else text

    source = re.sub(
        r"\{\{depend\s*(.*?)\}\}(.*?)\{\{/depend\s*\}\}",
        lambda found: found[2] if is_filled(found[1]) else "",
        source,
        flags=re.S,
    )
    source = re.sub(
        r"\{\{if\s*(.*?)\}\}(.*?)(?:\{\{else\}\}(.*?))?\{\{/if\s*\}\}",
        lambda found: found[2] if is_filled(found[1]) else found[3] or "",
        source,
        flags=re.S,
    )
    source = re.sub(r"\{\{htmlescape var=\$(.*?)\}\}", variable, source, flags=re.S)
    return re.sub(r"\{\{var\s+(.*?)\}\}", variable, source, flags=re.S)


NAMES = ["customer_firstname", "customer_name", "coupon_code", "step_number", "customer_lastname"]
TEXTS = [
    "<p>", "</p>", "\n", " ", "{%", "{#", "%}", "#}", "{", "}", "}}", "%", "a{b}", "{%raw%}", "-%}", "'", '"', "&amp;",
    "\\", "ü", "{ {", "<!-- x -->", "\t", "{%- x -%}", "#", "{+", "{-", "日本", "\u2028", "word", "{{", "%%}", "{%{",
    "}{",
    "\x0b",
]  # fmt: skip
VALUED = [None, "", "0", 0, 1, 3, "Ann", "<b>&'\"", "a\nb", " "]


class Generator:
    """Templates of the older syntax, each from a number."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)

    def template(self, kinds=("if", "depend"), most: int = 6) -> str:
        return "".join(self.piece(kinds) for _ in range(self.random.randint(0, most)))

    def piece(self, kinds) -> str:
        name = self.random.choice(NAMES)
        match self.random.choice(["text", "text", "var", "var", "escaped", *kinds, *kinds]):
            case "text":
                return self.random.choice(TEXTS)
            case "escaped":
                return f"{{{{htmlescape var=${name}}}}}"
            case "var":
                blank = self.random.choice([" ", "  ", "\n", " \n\t"])
                modifiers = ["", "", "|escape", "|escape:html", "|escape:url", "|nl2br", "|escape|nl2br", " |nl2br"]
                return f"{{{{var{blank}{name}{self.random.choice(modifiers)}}}}}"
            case "depend":
                inside = tuple(each for each in kinds if each != "depend")
                return f"{{{{depend {name}}}}}{self.template(inside, 4)}{{{{/depend}}}}"
        inside = tuple(each for each in kinds if each != "if")
        otherwise = f"{{{{else}}}}{self.template(inside, 3)}" if self.random.random() < 0.6 else ""
        return f"{{{{if {name}}}}}{self.template(inside, 4)}{otherwise}{{{{/if}}}}"

    def values(self) -> dict:
        return {name: self.random.choice(VALUED) for name in NAMES}


#: Parts that touch may make a directive that neither of them is, which has to be refused.
_MADE = re.compile(r"\{\{(?!(var\s|htmlescape var=|if |else\}\}|/if|depend |/depend))")


def test_the_same_comes_out_as_of_the_older_filter():
    compared = 0
    for number in count():
        generator = Generator(number)
        source, own = generator.template(), generator.values()
        if _MADE.search(source):
            refused(source)
            continue
        compared += 1
        assert rendered(source, VALUES | own) == model(source, own), (number, source, own)
        if compared == 2000:
            break


FRAGMENTS = [
    "{{", "}}", "{", "}", "{%", "%}", "{#", "#}", "var ", "if ", "customer_name", "else", "/if", "depend ", "/depend",
    "|", "escape", "raw", "nl2br", "store url=", "'a'", '"', "'", "$", "customer.", "getName()", "__class__", "(", ")",
    " ", "\n",
    "block ", "x", "<!--@subject ", " @-->", "{{var customer_name}}", "{{if coupon_code}}", "{{else}}", "{{/if}}", "\\",
    "{% raw %}", "{% endraw %}", "{{ 7*7 }}", "config path=", "include template=", "-", "+",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
@settings(deadline=None, max_examples=600)
def test_nothing_unknown_is_left_in_the_text(source):
    try:
        out = rendered(source)
    except TemplateError as refusal:
        told = str(refusal)
    else:
        assert "{{" not in out
        assert "49" not in out
        assert "__class__" not in out or "__class__" in re.sub(r"\{\{.*?\}\}", "", source, flags=re.S)
        return
    # Paths that lead out of the shop are found when they are used.
    assert re.match(r"template(?: \(subject\))?:\d+:\d+: |mail:\d+: .*(leads away|cannot be called)", told)


@pytest.mark.parametrize(
    "part", ["{{", "{{var ", "<!--@subject ", "{{var x|", "{{if a}}", "{", "{{store url='", "@-->"]
)
def test_no_source_takes_long(part):
    start = time.monotonic()
    with contextlib.suppress(ConversionError):
        convert(part * (50_000 // len(part)), site=SITE, known=KNOWN)
    assert time.monotonic() - start < 8
    assert "a template has at most 262,144 characters" in refused(part * 300_000)
