"""The page as an application for any server: mount one of these where the links lead to."""

from __future__ import annotations

from segrules_sequences.web import Asgi, Wsgi


class UnsubscribeWsgi(Wsgi):
    """A WSGI application of an :class:`UnsubscribePage`."""


class UnsubscribeAsgi(Asgi):
    """An ASGI application of an :class:`UnsubscribePage`; the database is asked in a thread."""
