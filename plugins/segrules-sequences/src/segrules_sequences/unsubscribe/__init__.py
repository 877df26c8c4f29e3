"""Links that unsubscribe, and the small web application that they lead to."""

from segrules_sequences.unsubscribe.application import UnsubscribeAsgi, UnsubscribeWsgi
from segrules_sequences.unsubscribe.page import RateLimit, UnsubscribePage, Words
from segrules_sequences.unsubscribe.tokens import Keys, UnsubscribeLinks, Wish

__all__ = [
    "Keys",
    "RateLimit",
    "UnsubscribeAsgi",
    "UnsubscribeLinks",
    "UnsubscribePage",
    "UnsubscribeWsgi",
    "Wish",
    "Words",
]
