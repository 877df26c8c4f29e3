"""Asks the app about a few customers with Flask's own test client: before and after a refresh, and after a change."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from app import create_app

import segrules as sr

NOW = datetime.now(UTC)


def fill(engine: sa.Engine) -> None:
    """Anna (1) came back and has a full cart, Ben (2) has a small one."""
    shop = sr.Shop.default()
    shop.create_tables(engine)
    with engine.begin() as connection:
        for number in (1, 2):
            connection.execute(shop.tables["customers"].insert().values(id=number, created_at=NOW, is_active=True))
        for days in (10, 100):
            connection.execute(
                shop.tables["orders"]
                .insert()
                .values(customer_id=1, status="complete", grand_total=20, created_at=NOW - timedelta(days=days))
            )
        for number, total in ((1, 60), (2, 40)):
            connection.execute(
                shop.tables["carts"]
                .insert()
                .values(
                    id=number, customer_id=number, is_active=True, grand_total=total, created_at=NOW,
                    updated_at=NOW - timedelta(hours=2),
                )
            )  # fmt: skip


def main() -> int:
    """0 when every answer is the one expected."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'shop.sqlite3'}"
        engine = sa.create_engine(url)
        fill(engine)
        app = create_app(url)
        client, refresh = app.test_client(), app.test_cli_runner()
        wrong = 0

        def expect(path: str, expected: list[str] | None) -> None:
            nonlocal wrong
            answer = client.get(path)
            found = answer.get_json()["segments"] if answer.status_code == 200 else None
            wrong += found != expected
            print(f"{'as expected' if found == expected else 'WRONG      '}  {path:<20}  {answer.status_code}  {found}")

        expect("/segments/1", ["regulars", "waiting"])
        expect("/segments/2", [])
        expect("/segments/3", None)
        ran = refresh.invoke(args=["refresh"])
        print(ran.output or repr(ran.exception), end="" if ran.output else "\n")
        wrong += ran.exit_code != 0
        expect("/segments/1/stored", ["regulars", "waiting"])
        expect("/segments/2/stored", [])
        with engine.begin() as connection:
            carts = sr.Shop.default().tables["carts"]
            connection.execute(carts.update().where(carts.c.id == 1).values(is_active=False))
        expect("/segments/1", ["regulars"])  # at once
        expect("/segments/1/stored", ["regulars", "waiting"])  # until the next refresh
        engine.dispose()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
