"""Which segments is the visitor in? Two answers: the rules asked of the customer now, and the members stored last."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from flask import Flask, Response, abort, jsonify

import segrules as sr
from segrules.segments.files import load

SEGMENTS = Path(__file__).parent / "segments"


def create_app(database: str | None = None) -> Flask:
    """The app over the shop in a database, with the segments of the folder ``segments``."""
    shop = sr.Shop.default(timezone="Europe/Rome")
    engine = sa.create_engine(database or os.environ["DATABASE_URL"])
    sr.prepare(engine)
    store = sr.SegmentStore(engine, shop)
    rules = sr.RuleSet({each.name: sr.parse(each.rule, shop) for each in load(SEGMENTS)}, shop)
    app = Flask(__name__)

    @app.get("/segments/<int:number>")
    def segments_now(number: int) -> Response:
        """Exact at this moment: one statement for each table that the rules read, then no database any more."""
        with engine.connect() as connection:
            try:
                customer = sr.Customer.load(connection, shop, number, needs=rules)
            except sr.EvaluationError as error:
                abort(404, str(error))
        return jsonify(segments=sorted(rules.matching(customer, at=datetime.now(UTC))))

    @app.get("/segments/<int:number>/stored")
    def segments_stored(number: int) -> Response:
        """As of the last refresh: one look-up by index, however many segments there are."""
        return jsonify(segments=list(store.segments_of(number)))

    @app.cli.command("refresh")
    def refresh() -> None:
        """Stores the segments of the folder and brings their members up to date; a timer may run it."""
        shop.create_tables(engine)
        store.create_tables()
        store.apply(load(SEGMENTS))
        for each in store.refresh_due():
            print(f"{each.segment}: {each.entered} came, {each.left} went")

    return app
