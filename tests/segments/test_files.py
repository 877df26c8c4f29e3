"""Segments as files, and what a folder of them does to a store."""

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import segrules as sr
from segrules.segments import Action, Mode, Segment, SegmentStore, files

from .conftest import Stores
from .shops import ids

VIP = """\
# title: VIP: Platinum
# Priority: 10
# websites: main, uk
# groups: staff
# refresh: manual
# active: no

# those who pay for the rest
customer.first_name is "a"  # alpha
"""


def test_a_file_says_it_all() -> None:
    found = files.read(VIP, "vip", "vip.seg")
    assert found == Segment(
        name="vip",
        title="VIP: Platinum",
        priority=10,
        websites=("main", "uk"),
        groups=("staff",),
        mode=Mode.MANUAL,
        active=False,
        rule='# those who pay for the rest\ncustomer.first_name is "a"  # alpha',
    )
    assert files.write(found, name="vip") == VIP.replace("Priority", "priority")
    assert sr.parse(VIP) == sr.parse(found.rule)


def test_a_comment_is_no_head() -> None:
    found = files.read("# note to self\n# title: not in the head\ntrue", "x", "x.seg")
    assert (found.title, found.rule) == ("", "# note to self\n# title: not in the head\ntrue")
    segment = files.read("\n# see: the wiki\ntrue", "x", "x.seg")
    assert segment.rule == "# see: the wiki\ntrue"
    assert files.read(files.write(segment, name="x"), "x", "x.seg") == segment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# titel: x\ntrue", 'x.seg:1: "titel" is no word of the head; did you mean "title"'),
        (
            "# see: x\n# priority: high\n# title: x\n# Title: y\ntrue",
            'x.seg:1: "see" is no word of the head; it has name, title, description, priority, websites, groups, '
            "refresh, active, and a comment stands below an empty line\n"
            'x.seg:2: "high" is no priority: write a whole number\nx.seg:4: "title" stands there twice\\Z',
        ),
        ("# title: x\n# title: y\ntrue", 'x.seg:2: "title" stands there twice'),
        ("# priority: high\ntrue", 'x.seg:1: "high" is no priority: write a whole number'),
        ("# active: maybe\ntrue", "write yes or no"),
        ("# refresh: daily\ntrue", "write auto or manual"),
    ],
)
def test_mistakes_in_a_head(text: str, message: str) -> None:
    with pytest.raises(sr.SegmentError, match=message):
        files.read(text, "x", "x.seg")


def test_a_folder_tells_all_its_mistakes_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "a.seg").write_text("# titel: x\ntrue", encoding="utf-8")
    (tmp_path / "b.seg").write_text("# name: a\nlifetime.sale > 5", encoding="utf-8")
    vocabulary = sr.Vocabulary.installed()
    with pytest.raises(sr.SegmentError) as caught:
        files.load(tmp_path, vocabulary)
    assert str(caught.value).split("\n") == [
        f'{tmp_path / "a.seg"}:1: "titel" is no word of the head; did you mean "title"?',
        f'{tmp_path / "a.seg"} and {tmp_path / "b.seg"} both hold a segment "a"',
    ]
    (tmp_path / "a.seg").write_text("# title: x\n\ncustomer.emial is set", encoding="utf-8")
    (tmp_path / "b.seg").write_text("# title: y\nlifetime.sale > 5", encoding="utf-8")
    assert len(files.load(tmp_path)) == 2
    with pytest.raises(sr.RuleError) as wrong:
        files.load(tmp_path, vocabulary)
    assert [(each.source.name, each.start.line) for each in wrong.value.diagnostics] == [
        (str(tmp_path / "a.seg"), 3),
        (str(tmp_path / "b.seg"), 2),
    ]


plain = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters="\x7f"), max_size=12).map(
    str.strip
)
codes = st.lists(st.from_regex(r"[a-z_]{1,4}", fullmatch=True), max_size=2)


@given(plain.filter(lambda name: name and name.isprintable()), plain, st.integers(-9, 9), codes, st.booleans())
def test_files_keep_everything(name: str, title: str, priority: int, websites: list[str], active: bool) -> None:
    segment = Segment(name=name, rule="true", title=title, priority=priority, websites=websites, active=active)
    path = files.path_of(segment, Path("folder"))
    assert path.parent == Path("folder")
    assert files.read(files.write(segment, name=path.stem), path.stem, "x") == segment


def test_plan_and_apply(stores: Stores, tmp_path: Path) -> None:
    store = stores("sqlite")
    write = {"as": 'customer.first_name is "a"', "uk": '# websites: uk\nin segment "as"', "deep/none": "false"}
    for name, text in write.items():
        path = tmp_path / f"{name}.seg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    steps = store.plan(files.load(tmp_path))
    counts = {each.segment.name: each.difference.after for each in steps if each.difference}
    assert counts == {"as": 4, "uk": 2, "none": 0}
    assert {each.action for each in steps} == {Action.CREATE}
    assert store.list() == []
    store.apply(files.load(tmp_path))
    store.refresh_all()
    assert ids(store, "uk") == [1, 7]
    assert {each.action for each in store.plan(files.load(tmp_path))} == {Action.KEEP}

    (tmp_path / "as.seg").write_text('# title: Cs\ncustomer.first_name is "c"', encoding="utf-8")
    (tmp_path / "deep" / "none.seg").unlink()
    steps = {each.segment.name: each for each in store.plan(files.load(tmp_path))}
    assert {name: step.action for name, step in steps.items()} == {
        "as": Action.CHANGE, "uk": Action.KEEP, "none": Action.IGNORE,
    }  # fmt: skip
    assert steps["as"].changes == ("title", "rule")
    assert [steps["as"].difference.entering, steps["as"].difference.leaving] == [4, 4]
    assert [steps["uk"].difference.entering, steps["uk"].difference.leaving] == [2, 2], "by the rule of the folder"
    store.apply(files.load(tmp_path), prune=True)
    assert [each.name for each in store.list()] == ["as", "uk"]
    assert store.refresh_all()[1].matched == 2

    again = tmp_path / "again"
    for segment in store.list():
        files.save(segment, again)
    assert {each.action for each in store.plan(files.load(again))} == {Action.KEEP}


def test_a_folder_is_applied_as_a_whole(stores: Stores) -> None:
    store: SegmentStore = stores("sqlite")
    fine = Segment(name="fine", rule="true")
    for wrong, message in [
        ([Segment(name="x", rule='in segment "y"')], 'names the segment "y", which will not be there'),
        ([Segment(name="x", rule='in segment "y"'), Segment(name="y", rule='in segment "x"')], "in a circle"),
        ([Segment(name="x", rule="customer.first_name is :who")], "parameter :who"),
    ]:
        for verb in (store.plan, store.apply):
            with pytest.raises(sr.SegmentError, match=message):
                verb([fine, *wrong])
    assert store.list() == []
    store.apply([fine, Segment(name="z", rule='in segment "fine"')])
    with pytest.raises(sr.SegmentError, match='"z" names the segment "fine"'):
        store.apply([attrs.evolve(store.get("z"))], prune=True)
    store.apply([], prune=True)
    assert store.list() == []
