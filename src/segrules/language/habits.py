"""What people write out of habit, from other languages and programs, and what is written here."""

from __future__ import annotations

#: Signs that other languages write, and what they are here.
SIGNS = {
    "&&": "and", "||": "or", "&": "and", "|": "or", "!": "not", "=>": ">=", "=<": "<=", "===": "=", "~": "contains",
    "{": "(", "[": "(", "}": ")", "]": ")", "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-",
}  # fmt: skip

#: Words that the language does not know, with the way out.
WORDS = {
    **dict.fromkeys(("und", "e", "et", "y", "but", "plus"), "conditions are joined by and"),
    **dict.fromkeys(("oder", "o", "ou"), "conditions are joined by or"),
    **dict.fromkeys(("nicht", "non", "kein", "keine"), "write not, or no order where (…)"),
    **dict.fromkeys(("ist", "è"), "write is"),
    **dict.fromkeys(("eur", "euro", "euros", "usd", "gbp", "chf", "dollars", "pounds"), "amounts have no currency"),
    **dict.fromkeys(("percent", "prozent", "pct"), "write 5% of lifetime.sales"),
    **dict.fromkeys(("average", "mean", "total"), "write avg(order.grand_total) or sum(order.grand_total)"),
    **dict.fromkeys(("two", "three", "four", "five", "ten", "twelve", "thirty", "ninety"), "numbers are digits: 3"),
    "since": "write >= 2025-01-01, or in last 30 days",
    "until": "write <= 2025-12-31",
    "within": "write in last 30 days, or in next 7 days",
    "the": "leave it out: in last 30 days",
}  # fmt: skip

#: Units of time as other languages say them.
UNITS = {
    **dict.fromkeys(("tage", "tagen", "giorni", "giorno", "jours", "dias", "días"), "day"),
    **dict.fromkeys(("woche", "wochen", "settimane", "settimana", "semaines", "semanas"), "week"),
    **dict.fromkeys(("monat", "monate", "monaten", "mesi", "mese", "mois", "meses"), "month"),
    **dict.fromkeys(("jahr", "jahre", "jahren", "anni", "anno", "ans", "años"), "year"),
    **dict.fromkeys(("stunde", "stunden", "ore", "ora", "heures", "horas"), "hour"),
}  # fmt: skip

#: The months of the year, by number.
MONTHS = {
    word: number
    for number, words in enumerate(
        (
            ("january", "jan", "januar", "gennaio"), ("february", "feb", "februar", "febbraio"),
            ("march", "mar", "märz", "marzo"), ("april", "apr", "aprile"), ("may", "mai", "maggio"),
            ("june", "jun", "juni", "giugno"), ("july", "jul", "juli", "luglio"), ("august", "aug", "agosto"),
            ("september", "sep", "settembre"), ("october", "oct", "oktober", "ottobre"),
            ("november", "nov", "novembre"), ("december", "dec", "dezember", "dicembre"),
        ),
        1,
    )
    for word in words
}  # fmt: skip

#: What fields are called elsewhere; one that a relation has under such a name is meant.
FIELDS = {
    "total": ("grand_total", "sales"), "amount": ("grand_total", "sales"), "value": ("grand_total",),
    "revenue": ("sales",), "spent": ("sales",), "turnover": ("sales",), "count": ("orders",), "mail": ("email",),
    "name": ("first_name",), "surname": ("last_name",), "zip": ("postcode",), "birthdate": ("birth_date",),
    "date": ("created_at",), "created": ("created_at",), "registered": ("created_at",), "quantity": ("qty",),
    "coupon": ("coupon_code",), "payment": ("payment_method",), "shipping": ("shipping_method",),
}  # fmt: skip
