"""In what a condition that was carried over may still differ from its source, each with a short name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DIFFERENCES: Mapping[str, str] = MappingProxyType(
    {
        "text": "Text is compared ignoring case. MySQL's usual collations ignore accents and trailing blanks too;"
        " other databases of the source do not even ignore case.",
        "code": "Codes (SKU, coupon, country, currency, methods) are compared exactly. MySQL's usual collations"
        " ignore case.",
        "wildcard": "In the source %, _ and backslashes in a text to search for stand for other characters; here they"
        " stand for themselves.",
        "zone": "Days are those of the shop's time zone; the source counts days in UTC.",
        "region": "The source looks for a region's name only; here its code fits as well. An id fits neither there"
        " nor here.",
        "subscription": "Of several newsletter subscriptions of one customer the one changed last counts; the source"
        " takes any of them.",
        "base": "The source compares the amount in the website's base currency; here it is the amount that the"
        " shop's mapping gives.",
        "as bought": "Name, SKU, type and price of an item are compared as they were when it was put into the cart or"
        " ordered; the source asks for the product's of today.",
        "store view": "The source compares the product's name in every store view; here it is the one that the shop's"
        " mapping gives.",
        "category": "Categories are compared by their id as code, so the shop's mapping must give that. Is not means"
        " that none of the product's categories is so; the source is content with one that is not.",
        "rule ids": "One of the cart's sales rules is looked for by its id as code; the source looks for the digits"
        " anywhere in the list of ids.",
        "attribute": "The product attribute is compared as the shop's mapping gives it; the source compares the stored"
        " value.",
    }
)
"""What each name means, in full sentences."""
