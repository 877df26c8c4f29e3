"""The shop as mails show it: its stores with their addresses, and values that templates may ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from attrs import field, frozen

from segrules_sequences.errors import SettingsError
from segrules_sequences.mail.budget import RefusedError
from segrules_sequences.mail.views import Method, View, meant

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


def web_address(value: str, what: str) -> str:
    """An absolute http or https address; SettingsError otherwise."""
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        known = False
    if not known or _UNSAFE.search(value) or not value.isascii():
        raise SettingsError(f"{what} is {value!r}; it must be an address like https://shop.example/")
    return value


def under(base: str, path: Any, query: Mapping[str, Any]) -> str:
    """An address below another one; RefusedError for a path that leads elsewhere."""
    if not isinstance(path, str):
        raise RefusedError("the path of an address is a text")
    if "://" in path or path.startswith("//") or _CONTROL.search(path) or ".." in path.split("/"):
        raise RefusedError("the path of an address leads away from the shop; write one like checkout/cart")
    path, mark, fragment = path.partition("#")
    whole = base.rstrip("/") + "/" + quote(path.lstrip("/"), safe="/:@!$&'()*+,;=-._~%?")
    if query:
        texts = {name: value if isinstance(value, str) else str(value) for name, value in query.items()}
        whole += ("&" if "?" in whole else "?") + urlencode(texts)
    return whole + (mark + quote(fragment, safe="/?:@!$&'()*+,;=-._~%") if mark else "")


@frozen(kw_only=True)
class Store:
    """One store of the shop. ``url`` is where its pages are; ``code`` is what customers' ``store`` says."""

    name: str
    url: str = field()
    code: str = ""
    phone: str | None = None
    email: str | None = None

    @url.validator
    def _absolute(self, _: Any, value: str) -> None:
        web_address(value, f"the url of the store {self.name!r}")

    def view(self) -> View:
        """The store as templates see it."""
        fields = {"name": self.name, "code": self.code, "phone": self.phone, "email": self.email}
        address = Method("store.url", lambda path="", **query: under(self.url, path, query))
        methods = {"url": address, "getUrl": Method("store.getUrl", address.call), **getters("store", fields)}
        return View("store", fields, {**methods, "getFrontendName": methods["getName"]})


def getters(view: str, fields: Mapping[str, Any]) -> dict[str, Method]:
    """For each field ``first_name`` a method ``getFirstName()``, as the older templates write it."""

    def getter(value: Any) -> Any:
        return lambda: value

    spelled = {"get" + "".join(part.capitalize() for part in name.split("_")): name for name in fields}
    return {method: Method(f"{view}.{method}", getter(fields[name])) for method, name in spelled.items()}


@frozen(kw_only=True)
class Site:
    """What the shop gives to all of its mails.

    ``config`` and ``custom`` are values that templates may ask for by name, with ``config('a/b')`` and
    ``custom_var('c')``; nothing else of the shop's configuration is seen. ``media`` and ``skin`` are the addresses
    of images and of files of the design.
    """

    stores: tuple[Store, ...] = field(converter=tuple)
    config: Mapping[str, str] = field(factory=dict)
    custom: Mapping[str, str] = field(factory=dict)
    media: str | None = None
    skin: str | None = None

    @stores.validator
    def _some(self, _: Any, value: tuple[Store, ...]) -> None:
        codes = [store.code for store in value]
        if not codes or len(set(codes)) < len(codes):
            raise SettingsError("a site has one store or more, each with a code of its own")

    def __attrs_post_init__(self) -> None:
        for what, value in (("media", self.media), ("skin", self.skin)):
            if value is not None:
                web_address(value, f"{what} of the site")

    def store(self, code: str | None) -> Store:
        """The store of a customer: the one of this code, else the first."""
        return next((store for store in self.stores if store.code == code), self.stores[0])

    def functions(self) -> dict[str, Method]:
        """What templates call by their bare names."""
        functions = {
            "config": Method("config", lambda path: _listed(self.config, path, "config")),
            "custom_var": Method("custom_var", lambda code: _listed(self.custom, code, "custom_var")),
        }
        for name, base in (("media_url", self.media), ("skin_url", self.skin)):
            if base is not None:
                functions[name] = _address(name, base)
        return functions


def _address(name: str, base: str) -> Method:
    return Method(name, lambda path="": under(base, path, {}))


def _listed(values: Mapping[str, str], key: Any, name: str) -> str:
    if key not in values:
        raise RefusedError(f"{name} has no {key!r}{meant(str(key), values)}")
    return values[key]
