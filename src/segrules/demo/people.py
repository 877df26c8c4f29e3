"""Names and places of the demonstration shop's customers, country by country."""

from __future__ import annotations

import unicodedata

from attrs import field, frozen


@frozen
class Place:
    """A city with its region and a pattern for its postal codes (# is a digit)."""

    city: str
    region: str | None
    region_code: str | None
    postcode: str


@frozen
class Country:
    """A country: where its customers shop, what they are called, where they live.

    ``share`` is out of a hundred customers.
    """

    code: str
    share: int
    stores: tuple[str, ...]
    dialling: str
    female: tuple[str, ...]
    male: tuple[str, ...]
    family: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[Place, ...]
    mailboxes: dict[str, str] = field(init=False, eq=False, repr=False)

    @mailboxes.default
    def _plain_names(self) -> dict[str, str]:
        return {name: _plain(name) for name in (*self.female, *self.male, *self.family)}


_LETTERS = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "đ": "d", "ı": "i", "'": "", " ": "."})


def _plain(name: str) -> str:
    """The name as it may stand in an e-mail address; empty when its script has no Latin letters."""
    decomposed = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
    return "".join(char for char in decomposed if char.isascii() and (char.isalnum() or char in ".-"))


COUNTRIES = (
    Country(
        "IT",
        22,
        ("it",),
        "+39",
        ("Giulia", "Sofia", "Nicolò", "Chiara", "Zoë", "Lucia"),
        ("Marco", "Niccolò", "Matteo", "Alessandro", "Luca"),
        ("Rossi", "Bianchi", "D'Angelo", "De Luca", "Nardò", "Esposito"),
        ("Via Garibaldi", "Corso Italia", "Piazza Libertà", "Viale Forlì"),
        (
            Place("Roma", "Lazio", "RM", "001##"),
            Place("Milano", "Lombardia", "MI", "201##"),
            Place("Forlì", "Emilia-Romagna", "FC", "4712#"),
        ),
    ),
    Country(
        "DE",
        18,
        ("de",),
        "+49",
        ("Anna", "Jördis", "Käthe", "Lena", "Sophie"),
        ("Jürgen", "Björn", "Lukas", "Götz", "Max"),
        ("Müller", "Weiß", "Schröder", "Schmidt", "Groß", "Yılmaz"),
        ("Hauptstraße", "Gartenweg", "Königsallee", "Bahnhofstraße"),
        (
            Place("München", "Bayern", "BY", "80###"),
            Place("Köln", "Nordrhein-Westfalen", "NW", "50###"),
            Place("Berlin", "Berlin", "BE", "10###"),
        ),
    ),
    Country(
        "FR",
        12,
        ("fr",),
        "+33",
        ("Chloé", "Inès", "Maëlle", "Camille", "Élodie"),
        ("François", "Loïc", "Théo", "Hugo", "Étienne"),
        ("Lefèvre", "Dupont", "Garçon", "Noël", "Martin"),
        ("Rue de l'Église", "Avenue Foch", "Impasse des Chênes"),
        (
            Place("Paris", "Île-de-France", "IDF", "750##"),
            Place("Saint-Étienne", "Auvergne-Rhône-Alpes", "ARA", "42###"),
        ),
    ),
    Country(
        "ES",
        9,
        ("es",),
        "+34",
        ("María", "Lucía", "Begoña", "Inés"),
        ("José", "Íñigo", "Ramón", "Ángel"),
        ("García", "Muñoz", "Peña", "Martínez", "Núñez"),
        ("Calle Mayor", "Avenida de España", "Plaça Gràcia"),
        (Place("Málaga", "Andalucía", "AN", "290##"), Place("A Coruña", "Galicia", "GA", "150##")),
    ),
    Country(
        "PL",
        6,
        ("pl",),
        "+48",
        ("Małgorzata", "Żaneta", "Zofia"),
        ("Łukasz", "Paweł", "Michał"),
        ("Wójcik", "Kowalska", "Żółć", "Nowak"),
        ("ulica Długa", "aleja Wyzwolenia"),
        (Place("Łódź", "Łódzkie", "LD", "90-###"), Place("Gdańsk", "Pomorskie", "PM", "80-###")),
    ),
    Country(
        "GR",
        3,
        ("it", "de"),
        "+30",
        ("Σοφία", "Ελένη"),
        ("Γιώργος", "Άγγελος"),
        ("Παπαδόπουλος", "Νικολάου"),
        ("Οδός Ερμού",),
        (Place("Αθήνα", "Αττική", "I", "1####"),),
    ),
    Country(
        "GB",
        13,
        ("uk",),
        "+44",
        ("Olivia", "Siân", "Charlotte", "Niamh"),
        ("Oliver", "Seán", "Harry", "Rhys"),
        ("Smith", "O'Connor", "Brontë", "Evans", "Patel"),
        ("High Street", "Church Lane", "King's Road"),
        (
            Place("London", "England", "ENG", "SW1A #AA"),
            Place("Edinburgh", "Scotland", "SCT", "EH# #YZ"),
            Place("Cardiff", "Wales", "WLS", "CF1# #XY"),
        ),
    ),
    Country(
        "US",
        15,
        ("us_east", "us_west"),
        "+1",
        ("Emma", "Renée", "Sofía", "Mei"),
        ("Liam", "André", "Noah", "Jesús"),
        ("Johnson", "Nguyễn", "Peña", "Williams", "Lee"),
        ("Main Street", "2nd Avenue", "Cañon Drive"),
        (
            Place("San José", "California", "CA", "951##"),
            Place("Los Angeles", "California", "CA", "900##"),
            Place("New York", "New York", "NY", "100##"),
            Place("Austin", "Texas", "TX", "787##"),
        ),
    ),
    Country(
        "TR",
        2,
        ("de",),
        "+90",
        ("Ayşe", "İpek"),
        ("İbrahim", "Oğuz"),
        ("Yıldız", "Çelik", "Işık"),
        ("İstiklal Caddesi",),
        (Place("İstanbul", None, None, "34###"),),
    ),
)

assert sum(country.share for country in COUNTRIES) == 100
