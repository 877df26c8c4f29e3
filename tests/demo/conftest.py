"""Databases that are there without a server; DuckDB where it is installed."""

import pytest
import sqlalchemy as sa


@pytest.fixture(params=["sqlite", "duckdb"])
def engine(request, tmp_path):
    if request.param == "duckdb":
        pytest.importorskip("duckdb")
    import segrules

    engine = sa.create_engine(f"{request.param}:///{tmp_path / 'shop'}")
    segrules.prepare(engine)
    yield engine
    engine.dispose()
