"""The kit's makers as hypothesis strategies, for property tests about rules and customers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from segrules.algebra import Predicate
from segrules.testing.choosing import Drawn
from segrules.testing.customers import Population
from segrules.testing.rules import Generated, make_rule
from segrules.testing.scene import Scene
from segrules.testing.terms import make_predicate


@st.composite
def rules(draw: st.DrawFn, scene: Scene, size: int = 8) -> Generated:
    """Rules about the customers of a scene, as typed nodes with values for their parameters."""
    return make_rule(Drawn(draw), scene, size=size)


@st.composite
def customers(draw: st.DrawFn, scene: Scene) -> dict[str, Any]:
    """Customers of a scene as nested plain data, each the only one with number 1."""
    return Population.drawn(Drawn(draw), scene, 1).customers[0]


@st.composite
def predicates(draw: st.DrawFn, scene: Scene, size: int = 8) -> Predicate:
    """Predicates of the algebra about the customers of a scene, with plain constants."""
    return make_predicate(Drawn(draw), scene, size)
