"""How long operators wait for 10,000 dead letters: the first page of the list, and a replay of all, on the running stack.

They are `mail-feedback` messages, signed one by one, which the utility server handles while the replay goes on.
"""

from __future__ import annotations

import time

from tests.operator import Operator, bury, mail_event, signing, text
from tests.whole import Gas

LETTERS = 10_000


def measure(gas: Gas, letters: int = LETTERS) -> dict[str, float]:
    """``list_s``: seconds of `gas dlq list`, from the start of the command to its end; ``replayed_per_s``: of
    `gas dlq replay --all`, likewise."""
    outputs = gas.stack_outputs()
    with signing(outputs["MailFeedbackTopic"]) as (sender, trust):
        bury(gas, outputs["MailFeedbackDeadLetters"], [text(mail_event(sender)) for _ in range(letters)])
        operator = Operator(gas, **trust)
        began = time.perf_counter()
        listed = operator.answers("dlq", "list")
        list_s = time.perf_counter() - began
        assert len(listed["letters"]) == 50
        began = time.perf_counter()
        replayed = operator.answers("dlq", "replay", "--all", "--yes", "--why", "A benchmark.")
        replay_s = time.perf_counter() - began
        assert replayed["counts"] == {"replayed": letters}
    return {"list_s": list_s, "replayed_per_s": letters / replay_s}
