"""Who is enrolled when members change, and what ends a run."""

from segrules.segments import SegmentStore

from segrules_sequences import Sequences

from .shops import runs, sequence, states


def test_entering_enrols_and_the_first_mail_goes_out(sequences: Sequences, store: SegmentStore) -> None:
    sequences.save(sequence("0 minutes: hello", "2 days: again"))
    store.refresh("anns")
    assert runs(sequences) == {"active": 3} and states(sequences) == {"planned": 3}
    worker = sequences.worker()
    done = worker.run_once()
    assert done == {"claimed": 3, "sent": 3}
    memory = worker.sender("memory")
    assert sorted(memory.received()) == [(f"c{each}@example.org", "hello") for each in (1, 2, 3)]
    assert states(sequences) == {"sent": 3, "planned": 3}
    assert worker.run_once() == {"claimed": 0}
    worker.close()
