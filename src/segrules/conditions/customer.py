"""The customer: who it is, since when, and where."""

from segrules.condition import (
    Anniversary,
    Choice,
    ConditionType,
    Date,
    DaysSince,
    DaysUntil,
    Example,
    Id,
    Moment,
    Text,
)


class Customer(ConditionType, word="customer"):
    """The customer's own data: name, e-mail, birthday, group, and when and where the account was created.

    A shop may add fields of its own here, such as ``customer.loyalty_level``.
    """

    id = Id("The number of the customer.", required=True)
    email = Text("The e-mail address; case is ignored.")
    first_name = Text("The first name.")
    last_name = Text("The last name.")
    gender = Choice("The gender, where the customer told it.", values=("female", "male", "other"))
    birth_date = Date("The day of birth.")
    birthday = Anniversary(
        "The yearly return of the day of birth; 29 February falls on the 28th in common years.", of="birth_date"
    )
    created_at = Moment("When the account was created.", required=True)
    group = Choice("The customer group, by its code.")
    store = Choice("The store in which the account was created, by its code.")
    website = Choice("The website in which the account was created, by its code.")
    days_since_registration = DaysSince("Calendar days since the account was created.", of="created_at")
    days_until_birthday = DaysUntil("Days until the next birthday; 0 on the day itself.", of="birth_date")

    examples = (
        Example(
            'customer.email ends with "@company.com"',
            matches={"email": "Ann@Company.COM"},
            misses={"email": "ann@company.com.example"},
        ),
        Example(
            "customer.days_since_registration < 30",
            matches={"created_at": "2025-06-05T00:00:00"},
            misses={"created_at": "2025-06-04T23:59:59.999999"},
        ),
        Example(
            "customer.birthday in next 7 days",
            matches={"birth_date": "1980-07-11"},
            misses={"birth_date": "1980-07-12"},
        ),
        Example(
            "customer.birthday is today",
            matches={"birth_date": "2000-02-29"},
            misses={"birth_date": "2000-03-01"},
            at="2025-02-28T12:00:00+00:00",
        ),
        Example(
            "customer.days_until_birthday = 0",
            matches={"birth_date": "1990-07-04"},
            misses={"birth_date": "1990-07-05"},
        ),
        Example(
            "customer.birth_date after 2000-01-01",
            matches={"birth_date": "2000-01-02"},
            misses={"birth_date": "2000-01-01"},
        ),
        Example("customer.group not in (wholesale, staff)", matches={"group": None}, misses={"group": "staff"}),
        Example("customer.gender is female", matches={"gender": "female"}, misses={}),
        Example("customer.first_name is set", matches={"first_name": ""}, misses={"first_name": None}),
    )
