"""The command line, on a shop in a file."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from segrules_sequences.cli.group import group
from segrules_sequences.ports import OutcomeUnknown, PermanentRecipient

from . import conftest, shops

APP = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
from tests import conftest, shops
from segrules.segments import SegmentStore
import segrules as sr
engine = conftest.sqlite(Path({database!r}))
store = SegmentStore(engine, sr.Shop.default())
memory = shops.Memory()
sequences = shops.make_sequences(store, senders={{"memory": lambda: memory}})
nothing = 1
"""


class Shell:
    def __init__(self, app: str, module: Any) -> None:
        self.app, self.module = app, module

    def __call__(self, *words: str, code: int = 0) -> Result:
        found = CliRunner().invoke(group, ["--app", self.app, *words])
        assert found.exit_code == code, found.output + str(found.exception)
        return found

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    engine = conftest.sqlite(tmp_path / "shop.db")
    shops.make_shop(engine, 3)
    engine.dispose()
    name = f"app_{os.path.basename(tmp_path).replace('-', '_')}"
    folder = str(Path(__file__).parent.parent)
    (tmp_path / f"{name}.py").write_text(APP.format(folder=folder, database=str(tmp_path / "shop.db")))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__(name)
    yield Shell(f"{name}:sequences", module)
    module.engine.dispose()


def test_a_day_at_the_command_line(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "sequences"
    folder.mkdir()
    (folder / "hi.toml").write_text('segment = "anns"\nfrom = "Shop <s@example.com>"\nsender = "memory"\n'
                                    '[[steps]]\ndelay = "0 minutes"\ntemplate = "hello"\n')  # fmt: skip
    assert f"{len(shell.module.sequences.metadata.tables)} tables are there" in shell("init").output
    assert shell("plan", str(folder)).output == "create  hi\n"
    assert shell.json("apply", str(folder)) == {"changes": [{"sequence": "hi", "action": "create", "fields": []}]}
    shell.module.store.refresh("anns")
    assert shell.json("status")["due"] == 3
    assert "hello Ann" in shell("preview", "hi", "2").output
    shell.module.memory.answers = [OutcomeUnknown("no answer"), PermanentRecipient("550 <a@b.example> no")]
    assert shell.json("run") == {"claimed": 3, "sent": 1, "OutcomeUnknown": 1, "PermanentRecipient": 1}
    assert "in doubt  1  (segrules-sequences doubt)" in shell("status", code=1).output
    assert "rejected for good" in shell("dead", code=1).output
    assert shell.json("dead", code=1)["mails"][0]["error"] == "PermanentRecipient: 550 <address> no"
    (mail,) = shell.json("doubt", code=1)["mails"]
    assert shell("settle", "sent", str(mail["id"])).output == "1 settled\n"
    assert shell("requeue", "--all").output == "1 put back\n"
    assert shell.json("run") == {"claimed": 1, "sent": 1}
    assert "there are none" in shell("dead").output
    assert "hello        0        0     3" in shell("statistics", "hi").output
    assert shell.json("report", "2020-01-01")["sequences"][0]["sent"] == 0
    assert "3 sent" not in shell("report").output
    assert shell("switch", "hi", "paused").output == "hi is paused\n"
    assert "enter anns" in shell("list").output and "paused" in shell("list").output
    shell("switch", "hi", "active")
    assert "mails to" in shell("simulate", "--people", "20", "--days", "3").output
    assert shell.json("simulate", "--members", "--days", "2")["mailed"] == 3
    assert shell("unsubscribe", "1").output == "1 gets nothing any more\n"
    assert shell("forget", "1").output == "1 runs are nobody's now\n"
    assert shell.json("cleanup")["mails emptied"] == 0
    assert shell("reap").output == "nothing to do\n"


def test_mails_that_come_back(shell: Shell, tmp_path: Path) -> None:
    from .mail.test_returned import COMPLAINT, OURS, delivery_report

    shell.module.sequences.save(shops.sequence())
    shell.module.store.refresh("anns")
    shell("run")
    d = shell.module.sequences.tables.deliveries
    with shell.module.engine.connect() as connection:
        first, second, third = connection.scalars(sa.select(d.c.message_id).order_by(d.c.customer_id))
    box = tmp_path / "Maildir"
    (box / "new").mkdir(parents=True)
    (box / "new" / "1.a").write_bytes(delivery_report(original=first))
    (box / "new" / "2.b:2,").write_bytes(b"Subject: out of office\r\n\r\nBack on Monday.")
    (tmp_path / "one.eml").write_bytes(COMPLAINT.replace(OURS.encode(), second.encode()))
    found = shell.json("returned", str(box), str(tmp_path / "one.eml"))
    assert found == {"hard": 1, "of no mail of ours": 1, "complaint": 1}
    assert (list((box / "new").iterdir()), sorted(each.name for each in (box / "cur").iterdir())) == (
        [], ["1.a:2,S", "2.b:2,S"]
    )  # fmt: skip
    assert shell("returned", str(box)).output == "nothing has come back\n"
    piped = CliRunner().invoke(
        group, ["--app", shell.app, "returned", "-"], input=delivery_report("failed", "4.2.2", original=third)
    )
    assert piped.output == "       1 soft\n"
    assert "it has no folder new" in shell("returned", str(tmp_path), code=2).output
    assert shell("readmit", "C1@Example.org").output == "it may be mailed again\n"
    assert shell.json("readmit", "c1@example.org") == {"readmitted": False}


def test_goals_and_variants_at_the_command_line(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "sequences"
    folder.mkdir()
    (folder / "hi.toml").write_text(
        'segment = "anns"\nfrom = "Shop <s@example.com>"\nsender = "memory"\nholdout = 20\n'
        'goal = { event = "order" }\n[[steps]]\ndelay = "0 minutes"\nname = "one"\n'
        'variants = { short = "hello", long = "good-day" }\n'
    )
    shops.add_customers(shell.module.store, range(100, 300))
    shell("apply", str(folder))
    assert "hello Ann" in shell("preview", "hi", "2", "--variant", "short").output
    assert "good-day Ann" in shell("preview", "hi", "2", "--variant", "long").output
    assert (
        'has no variant "x"; there is "short", "long"' in shell("preview", "hi", "2", "--variant", "x", code=2).output
    )
    assert "hi 1 good-day (long)" in shell("simulate", "--people", "30", "--days", "2").output
    shell.module.store.refresh("anns")
    shell("run")
    mailed = [mail.recipient.split("@")[0][1:] for mail in shell.module.memory.mails]
    for number, customer in enumerate(mailed[:40]):
        shell.module.sequences.converted(customer, event_id=str(number), value=5)
    told = shell("converted", mailed[40], "--id", "A-1", "--value", "19.90")
    assert told.output == "it counts for 1 runs\n"
    assert shell.json("converted", mailed[40], "--id", "A-1") == {"customer": mailed[40], "event": "order", "runs": 0}
    late = shell("converted", mailed[41], "--id", "A-2", "--at", "2030-01-01 09:00", code=2)
    assert "has not come yet" in late.output
    assert (
        'no sequence has the event "ordr" as its goal; there is order'
        in shell("converted", "1", "--event", "ordr", "--id", "1", code=2).output
    )
    assert "is no amount; write one like 49.90" in shell("converted", "1", "--id", "1", "--value", "x", code=2).output
    lines = " ".join(shell("statistics", "hi").output.split())
    rate = f"41 of {len(mailed)} ({4100 / len(mailed):.1f} %)"
    assert f"goal order: {rate} mailed, worth 219.90" in lines and "held out mails against none: +" in lines
    assert "step variant sent goals rate worth coupons redeemed revenue against the first" in lines
    assert "points (95 %:" in lines
    (figures,) = shell.json("statistics", "hi")["sequences"]
    assert figures["mailed"]["reached"] == 41 and figures["against_none"]["verdict"] == "better"
    assert [each["variant"] for each in figures["steps"][0]["variants"]] == ["short", "long"]
    today = shell.module.sequences.standing().at.astimezone(shell.module.sequences.setting.zone).date()
    (day,) = shell.json("report", str(today))["sequences"]
    assert (day["reached"], day["value"]) == (41, "219.9000")


def test_what_goes_wrong_is_told_in_a_sentence(shell: Shell, tmp_path: Path) -> None:
    assert "give numbers of mails, or --all" in shell("requeue", code=2).output
    assert 'there is no sequence "x"' in shell("switch", "x", "off", code=2).output
    name = shell.app.partition(":")[0]
    for app, message in ((f"{name}:nothing", "is a int, and no Sequences"), (f"{name}:gone", "cannot be loaded")):
        found = CliRunner().invoke(group, ["--app", app, "status"])
        assert found.exit_code == 3 and message in found.output
    found = CliRunner(env={"SEGRULES_SEQUENCES_APP": ""}).invoke(group, ["status"])
    assert found.exit_code == 2 and "--app MODULE:NAME" in found.output


def test_a_worker_process_ends_in_order(shell: Shell, tmp_path: Path) -> None:
    shell.module.sequences.save(shops.sequence("0 minutes: hello"))
    shell.module.store.refresh("anns")
    script = str(Path(sys.executable).parent / "segrules-sequences")
    name = shell.app.partition(":")[0]
    process = subprocess.Popen(
        [script, "--app", f"{name}:sequences", "worker", "--poll", "0.05"], cwd=tmp_path,
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while shops.states(shell.module.sequences) != {"sent": 3} and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "is at work" in err and "has stopped" in out
    assert shops.states(shell.module.sequences) == {"sent": 3}
