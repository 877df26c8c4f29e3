"""Which segment uses which: in what order they are refreshed, and whether they come back to themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def circle(uses: Mapping[str, Iterable[str]]) -> list[str] | None:
    """A way from a segment back to itself, with that segment at both ends, or None."""
    done: set[str] = set()
    for start in sorted(uses):
        way: list[str] = []
        stack = [(start, iter(sorted(uses.get(start, ()))))] if start not in done else []
        way += [name for name, _ in stack]
        while stack:
            name, rest = stack[-1]
            following = next((each for each in rest if each not in done), None)
            if following is None:
                done.add(name)
                stack.pop()
                way.pop()
            elif following in way:
                return [*way[way.index(following) :], following]
            else:
                stack.append((following, iter(sorted(uses.get(following, ())))))
                way.append(following)
    return None


def ordered(names: Iterable[str], uses: Mapping[str, Iterable[str]]) -> list[str]:
    """The names, each behind those that it uses, directly or through others; else in their own order.

    Segments in a circle come in their own order too.
    """
    names = list(names)
    wanted, seen, found = set(names), set[str](), dict[str, None]()
    for start in names:
        stack = [(start, False)]
        while stack:
            name, ready = stack.pop()
            if ready:
                if name in wanted:
                    found[name] = None
            elif name not in seen:
                seen.add(name)
                stack.append((name, True))
                stack += [(each, False) for each in sorted(uses.get(name, ()), reverse=True)]
    return list(found)


def rounds(names: Iterable[str], uses: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The names in rounds, each behind the rounds of those that it uses, directly or through others."""
    names = list(names)
    depths: dict[str, int] = {}
    for name in ordered([*names, *uses, *(each for used in uses.values() for each in used)], uses):
        depths[name] = 1 + max((depths.get(each, 0) for each in uses.get(name, ())), default=0)
    found: dict[int, list[str]] = {}
    for name in names:
        found.setdefault(depths[name], []).append(name)
    return [found[depth] for depth in sorted(found)]


def shown(way: Iterable[str]) -> str:
    """A way from segment to segment for a message."""
    return " -> ".join(f'"{name}"' for name in way)
