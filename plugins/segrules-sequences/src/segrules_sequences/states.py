"""The states of a delivery and of a run, and every reason why a mail is skipped, put off or given up.

    planned -> leased -> transmitting -> sent
       ^         |            |-> planned      not accepted, another try later
       |         |            |-> failed       a dead letter, until somebody puts it back
       |         |            `-> in_doubt     nobody knows whether it was accepted
       |         |-> skipped
       |         |-> held                      the sequence is paused
       |         `-> planned                   window, gap, cap, consent, a sender that rests
    in_doubt -> sent | planned | skipped       by asking the sender, or by a person

Each arrow is one UPDATE that names the state it comes from and the claim it belongs to. No row changed means that the
delivery is somebody else's by now, and whoever tried drops it.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a delivery stands."""

    PLANNED = "planned"
    HELD = "held"
    LEASED = "leased"
    TRANSMITTING = "transmitting"
    IN_DOUBT = "in_doubt"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"


#: Nothing has gone out yet, so it can still be called off.
WAITING = (State.PLANNED, State.HELD, State.LEASED)
#: These count as mails that the customer has got.
OUT = (State.TRANSMITTING, State.IN_DOUBT, State.SENT)
ENDED = (State.SENT, State.FAILED, State.SKIPPED)


class RunState(StrEnum):
    """Where the run of one customer through a sequence stands."""

    ACTIVE = "active"
    FINISHED = "finished"
    STOPPED = "stopped"


class Why(StrEnum):
    """Why a mail was skipped, put off or given up, and why a run was stopped."""

    # the run is over
    LEFT = "left the segment"
    CAME_BACK = "came back into the segment"
    NOT_A_MEMBER = "does not belong into the segment any more"
    IS_A_MEMBER = "belongs into the segment again"
    SEGMENT_OFF = "segment switched off"
    SEGMENT_GONE = "segment deleted"
    SEQUENCE_OFF = "sequence switched off"
    UNSUBSCRIBED = "unsubscribed"
    NOT_SUBSCRIBED = "not subscribed"
    SUPPRESSED = "address suppressed"
    COMPLAINED = "complained"
    BOUNCED = "bounces too often for now"
    DELETED = "customer deleted"
    NO_ADDRESS = "no address"
    REFUSED = "address refused"
    HOLDOUT = "held out"
    GOAL = "goal reached"
    FAILED = "a mail failed"
    # this mail only
    TOO_LATE = "too late"
    STEP_OFF = "step switched off"
    STEP_GONE = "step removed"
    OFTEN_ENOUGH = "sent often enough"
    NO_COUPON = "no coupon"
    DROPPED = "dropped by hand"
    # put off
    NOT_YET = "waits for its time"
    NO_CONSENT_YET = "waits for consent"
    SENDER_RESTS = "the sender rests"
    PAUSED = "sequence paused"
    TRY_AGAIN = "another try"
    # given up
    NOT_WRITTEN = "could not be written"
    OUT_OF_TRIES = "out of tries"
    REJECTED = "rejected for good"
    UNKNOWN = "outcome unknown"
