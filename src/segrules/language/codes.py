# ruff: noqa: E501 -- one entry a line reads as a table
"""Every code of an error or warning: what it means, how it comes about, and how it is put right.

``segrules explain-code`` and the page "error messages" read this catalogue; a test proves that each bad example
really gives its code and that each good one is read without complaint.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Code:
    """One kind of mistake or warning: its name, what it means, a rule that has it and one that has not."""

    code: str
    title: str
    explanation: str
    bad: str
    good: str

    @property
    def is_warning(self) -> bool:
        """Whether the rule works all the same."""
        return self.code.startswith("SEG9")


_NESTED = "not (" * 70 + "lifetime.sales > 5" + ")" * 70
_DEEP = "not (" * 7 + "lifetime.sales > 5" + ")" * 7

_ALL = (
    # --- syntax ------------------------------------------------------------------------------------
    Code("SEG101", "something else was expected", "Reading stopped at a word that cannot stand there. The message says what could. Often a comparing word or an \"and\" is missing.",
         "lifetime.sales 5000", "lifetime.sales > 5000"),
    Code("SEG102", "the rule is empty", "A rule is one condition. The rule that holds for everyone is the word true.", "# nothing yet", "true"),
    Code("SEG103", "a sign from another language", "Conditions are joined by and, or, not; amounts have no currency sign; there is no division.",
         "lifetime.sales > 5000 && lifetime.orders > 10", "lifetime.sales > 5000 and lifetime.orders > 10"),
    Code("SEG104", "a text without closing quote", "A text begins and ends with a quote on one line; a quote inside is written \\\".",
         'customer.email is "ann@example.com', 'customer.email is "ann@example.com"'),
    Code("SEG105", "not a number", "Numbers are plain decimals: 5, 0.75, 1_000. They have a digit on both sides of the point and no exponent.",
         "lifetime.sales > 5e3", "lifetime.sales > 5000"),
    Code("SEG106", "not a date", "A date is year-month-day with four, two and two digits, and must be in the calendar. A time follows after T.",
         "customer.created_at after 2025-1-5", "customer.created_at after 2025-01-05"),
    Code("SEG107", "an unknown escape", "In a text a backslash introduces \\\\ \\\" \\' \\n \\t or \\r; a backslash itself is written twice.",
         r'customer.first_name is "a\b"', r'customer.first_name is "a\\b"'),
    Code("SEG108", "a parenthesis without its other half", "Every parenthesis that opens closes again.", "(lifetime.sales > 5 or lifetime.orders > 2", "(lifetime.sales > 5 or lifetime.orders > 2)"),
    Code("SEG109", "comparisons in a row", "A comparison has two sides. A value between two others is written with between.",
         "100 < lifetime.sales < 200", "lifetime.sales between 100 and 200"),
    Code("SEG110", "where without parentheses", "What follows where or has stands in parentheses, so that everybody sees where it ends.",
         "any order where status is complete", "any order where (status is complete)"),
    Code("SEG111", "a length without a unit", "A length of time says whether it counts minutes, hours, days, weeks, months, quarters or years.",
         "customer.created_at in last 30", "customer.created_at in last 30 days"),
    Code("SEG112", "an empty group", "all of, any of and none of hold at least one condition; an empty group would match everyone or nobody in silence.",
         "any of ()", "any of (lifetime.sales > 5)"),
    Code("SEG113", "a percentage of nothing", "A percentage is always of something: 5% of lifetime.sales.", "lifetime.refunds < 5%", "lifetime.refunds < 5% of lifetime.sales"),
    Code("SEG114", "a comma in a number", "A comma separates the values of a list, so it neither groups digits nor begins decimals; nor does an apostrophe or a blank group digits. An underscore does, and a point begins decimals.",
         "lifetime.sales > 5,000", "lifetime.sales > 5_000"),
    Code("SEG115", "a character that cannot be kept", "A text holds a NUL or half of a surrogate pair, which no database stores.",
         'customer.first_name is "a\0b"', 'customer.first_name is "ab"'),
    Code("SEG116", "said in other words", "The language says it in other words, which the message offers.",
         "more than 3 orders in last 90 days", "count(orders where created_at in last 90 days) > 3"),
    # --- names -------------------------------------------------------------------------------------
    Code("SEG201", "an unknown name", "No condition type of this shop has that name. The message offers the nearest one.", "custmer.email is set", "customer.email is set"),
    Code("SEG202", "an unknown field", "The condition type exists, but it has no such field.", "customer.emial is set", "customer.email is set"),
    Code("SEG203", "a field that does not say whose it is", "Outside where a field is written with its relation.", "email is set", "customer.email is set"),
    Code("SEG204", "a field that the row does not have", "Inside where a bare name is a field of the innermost row and nothing else; other rows are named.",
         "any order_item where (created_at in last 7 days)", "any order_item where (order.created_at in last 7 days)"),
    Code("SEG205", "an unknown choice", "The field has a list of values, and this is none of them.", "newsletter.status is subscrbed", "newsletter.status is subscribed"),
    Code("SEG206", "a word that needs quotes", "Texts and codes stand in quotes; only choices may be bare words.", "any order where (coupon_code is SUMMER)", 'any order where (coupon_code is "SUMMER")'),
    Code("SEG207", "not a country", "Countries are two-letter codes of ISO 3166.", 'billing_address.country is "Germany"', 'billing_address.country is "DE"'),
    Code("SEG208", "a name that is no condition", "The name of a relation alone says nothing; any, no or count ask about its rows, and a relation about the customer itself has fields only.",
         "order", "any order"),
    Code("SEG209", "too many dots", "A field is written relation.field. Rows within rows are opened by where.", "order.items.price > 5", "any order.items where (price > 5)"),
    Code("SEG210", "a row without a name of its own", "Two rows of one kind are open, and the word in the rule means the outer one only by its spelling. The canonical text could not tell them apart.",
         "any orders where (any order_item where (price > orders.grand_total))", "any order_item where (price > order.grand_total)"),
    # --- types -------------------------------------------------------------------------------------
    Code("SEG301", "types that do not fit", "Both sides of a comparison have the same type. The message names both.", 'lifetime.sales > "abc"', "lifetime.sales > 100"),
    Code("SEG302", "a comparison that the field does not take", "Texts, codes and choices have no order, numbers contain nothing, sets have members only.",
         'customer.email > "a"', 'customer.email starts with "a"'),
    Code("SEG303", "a value where a condition is expected", "A field alone is no condition unless it is yes or no.", "lifetime.sales", "lifetime.sales > 0"),
    Code("SEG304", "a condition where a value is expected", "What is true or false cannot be compared or calculated with.", "lifetime.sales > (lifetime.orders > 2)", "lifetime.sales > lifetime.orders * 2"),
    Code("SEG305", "arithmetic on something that is no number", "Only numbers are added and multiplied. Moments are compared with days and moments.",
         "customer.created_at + 30 days > today", "customer.created_at after 30 days ago"),
    Code("SEG306", "a length where something else is expected", "A length of time becomes a moment by ago or from now; days_since fields count days already and take a plain number.",
         "customer.days_since_registration < 90 days", "customer.days_since_registration < 90"),
    Code("SEG307", "a quoted number or date", "In quotes it is text. Numbers and dates stand without.", 'customer.created_at after "2025-01-31"', "customer.created_at after 2025-01-31"),
    Code("SEG308", "an aggregate of the wrong thing", "sum and avg need a number, count counts rows or the distinct values of a field.",
         "sum(order.status) > 3", "sum(order.grand_total) > 3"),
    Code("SEG309", "first or last of rows without a moment", "first and last need rows that know when they came about.", 'last address has (city is "Roma")', 'any address where (city is "Roma")'),
    Code("SEG310", "a parameter without one type", "A parameter takes its type from what stands opposite, and has the same one everywhere.",
         "lifetime.sales > :limit and customer.email is :limit", "lifetime.sales > :limit and customer.email is :email"),
    Code("SEG311", "a comparison without a field", "Two constants compared say nothing about a customer.", "5 > 3", "lifetime.orders > 3"),
    Code("SEG312", "the ends of a range swapped", "The smaller or earlier end comes first; swapped, nothing lies between.",
         "customer.created_at between 28 days ago and 35 days ago", "customer.created_at between 35 days ago and 28 days ago"),
    Code("SEG313", "an hour as a period", "Days, weeks, months, quarters and years are periods of the calendar; hours and minutes need a number.",
         "customer.created_at in last hour", "customer.created_at in last 1 hour"),
    Code("SEG314", "a fraction of a day", "Lengths in days and longer are whole; hours and minutes may have fractions.", "customer.created_at in last 1.5 days", "customer.created_at in last 36 hours"),
    Code("SEG315", "in segment about a row", "Customers are in segments, rows are not.", 'any order where (status is complete and in segment "VIP")', 'any order where (status is complete) and in segment "VIP"'),
    Code("SEG316", "days until an anniversary calculated with", "The days until an anniversary compare with a plain number and nothing else.",
         "customer.days_until_birthday + 1 <= 7", "customer.days_until_birthday <= 6"),
    Code("SEG317", "the least or largest of something without order", "min and max need numbers, dates or moments.", "min(order.coupon_code) is set", "min(order.created_at) is set"),
    Code("SEG318", "an aggregate of one row", "A relation with one row at most has nothing to count or sum up. Its fields are compared directly.",
         "count(billing_address) > 0", "any billing_address"),
    Code("SEG319", "a segment without a name", "in segment is followed by the name of a segment in quotes.", 'in segment ""', 'in segment "vip"'),
    # --- limits ------------------------------------------------------------------------------------
    Code("SEG401", "a rule that is too long", "A rule has at most 64 KiB of text.", f'customer.email is "{"x" * 66_000}"', 'customer.email is "x"'),
    Code("SEG402", "a rule that is nested too deep", "Parentheses, not, minus signs and arithmetic stand at most 64 levels inside one another.", _NESTED, "lifetime.sales > 5"),
    Code("SEG403", "a list that is too long", "A list has at most 10,000 values. A parameter takes longer ones apart from the rule.",
         f"customer.id in ({','.join(['1'] * 10_001)})", "customer.id in :ids"),
    Code("SEG404", "too many conditions", "A rule has at most 1,000 comparisons.", " or ".join(["customer.id = 1"] * 1_001), "customer.id in (1, 2, 3)"),
    Code("SEG405", "a number that is too long", "A number has at most 15 digits before the point and 6 after it, so that every database holds it exactly.",
         "lifetime.sales > 0.1234567", "lifetime.sales > 0.123456"),
    Code("SEG406", "a year out of range", "Years lie between 1000 and 9998, so that every database holds them.", "customer.created_at after 0025-01-01", "customer.created_at after 2025-01-01"),
    Code("SEG407", "a length that is too long", "A length of time is at most a thousand years.", "customer.created_at in last 2000 years", "customer.created_at in last 20 years"),
    # --- ambiguity ---------------------------------------------------------------------------------
    Code("SEG501", "a negation with two readings", "Is there no such row, or is there a row that is not so? Both can be written; the shorthand does not say which.",
         'order_item.category is not "Coffee"', 'no order_item where (category is "Coffee")'),
    Code("SEG502", "two rows in one comparison", "A comparison by shorthand looks at one row of one relation.", "order.grand_total > cart.grand_total", "max(order.grand_total) > max(cart.grand_total)"),
    Code("SEG503", "a shorthand inside where", "The shorthand is for the outermost level; inside where rows are opened by name.",
         "any order where (cart.grand_total > 100)", "any order where (any cart where (grand_total > 100))"),
    # --- lints -------------------------------------------------------------------------------------
    Code("SEG901", "two conditions about two rows", "Each shorthand looks for a row of its own: one large order and another complete one are enough. About one row both stand in one where.",
         "order.grand_total > 100 and order.status is complete", "any order where (grand_total > 100 and status is complete)"),
    Code("SEG902", "always true", "Everybody satisfies this.", "count(order) >= 0", "count(order) >= 1"),
    Code("SEG903", "never true", "Nobody can satisfy this.", "lifetime.sales > 1000 and lifetime.sales < 950", "lifetime.sales > 950 and lifetime.sales < 1000"),
    Code("SEG904", "said twice", "Another condition beside it says the same or more.", "lifetime.sales > 1000 and lifetime.sales > 500", "lifetime.sales > 1000"),
    Code("SEG905", "and and or without parentheses", "and binds before or. Parentheses spare the reader the question.",
         "lifetime.orders > 5 or lifetime.sales > 100 and customer.group is staff", "lifetime.orders > 5 or (lifetime.sales > 100 and customer.group is staff)"),
    Code("SEG906", "members never leave", "Everything in the rule that is true once stays true, since only the age of fixed moments is asked; members come in and never go out.",
         "customer.created_at before 30 days ago", "customer.created_at between 60 days ago and 30 days ago"),
    Code("SEG907", "an empty window", "At the present moment no time satisfies this. Noticed only when the present is given.",
         "customer.created_at between today and 2020-01-01", "customer.created_at between 2020-01-01 and today"),
    Code("SEG908", "deep nesting", "More than six levels inside one another are hard to follow. A part of the rule can be a segment of its own.", _DEEP, "not lifetime.sales > 5"),
    Code("SEG909", "a search that reads every row", "An index finds the beginning of a text, not its middle or end; in a large relation every row is read.",
         'any order_item where (name contains "lens")', 'any order_item where (name starts with "lens")'),
    Code("SEG910", "every, of none", "every R is true of customers who have no R at all.", "every order where (status is complete)", "any order and every order where (status is complete)"),
    Code("SEG911", "all rows opened again", "Inside an order, item means the items of that order; order_item means those of all the customer's orders.",
         "any order where (any order_item where (qty > 1))", "any order where (any item where (qty > 1))"),
    Code("SEG912", "a name that hides another", "Two open rows have one name; it means the inner one, and the outer one cannot be named.",
         "any order where (any order where (status is complete))", "any order where (status is complete)"),
    Code("SEG913", "a fraction of a day", "days_since fields are whole days of the calendar. For hours the moment itself is compared.",
         "any cart where (days_since_update > 0.5 and status is active)", "any cart where (updated_at before 12 hours ago and status is active)"),
    Code("SEG914", "a point that may group digits", "The point begins decimals: 5.000 is five. Beside an amount, three of them are hardly meant.",
         "lifetime.sales > 5.000", "lifetime.sales > 5000"),
)  # fmt: skip

#: The catalogue by code, in the order of the codes.
CODES: dict[str, Code] = {each.code: each for each in _ALL}
