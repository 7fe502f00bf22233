"""Who is next: nobody's messages wait behind the many of somebody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.inbox.turns import Turn, Turns


def offer(turns: Turns, user_id: str, count: int = 1, route: str = "job-requests") -> None:
    """So many entries that nobody offered before."""
    first = len(turns) + turns._served
    for number in range(first, first + count):
        turns.add(f"{route}#{user_id}-{number}", user_id, None, remembered=64)


def who(turn: Turn) -> str:
    return turn.user_id


def serve(turns: Turns, count: int) -> list[str]:
    """Whose entries a single slot works on, one after the other."""
    served = []
    for _ in range(count):
        turn = turns.take()
        served.append(turn.user_id)
        turns.release(turn)
    return served


def test_bobs_first_message_is_the_next_however_many_of_alices_wait() -> None:
    turns = Turns()
    offer(turns, "alice", 1000)
    present = turns.take()
    offer(turns, "bob")
    turns.release(present)
    assert serve(turns, 3) == ["bob", "alice", "alice"]


def test_owners_take_turns_in_the_order_in_which_they_came() -> None:
    turns = Turns()
    for user_id in ("alice", "bob", "charlie"):
        offer(turns, user_id, 2)
    assert serve(turns, 6) == ["alice", "bob", "charlie"] * 2


def test_one_owners_messages_keep_their_order() -> None:
    turns = Turns()
    for number in (3, 1, 2):
        turns.add(f"job-requests#{number}", "alice", None, remembered=64)
    assert [turns.take().entry_id for _ in range(3)] == [f"job-requests#{number}" for number in (3, 1, 2)]


def test_with_several_slots_whoever_has_least_running_is_next() -> None:
    turns = Turns()
    offer(turns, "alice", 9)
    running = [turns.take(), turns.take()]
    offer(turns, "bob", 9)
    turns.release(running.pop())
    running.append(turns.take())
    assert sorted(map(who, running)) == ["alice", "bob"]
    for _ in range(5):  # alice's takes long, bob's are quick: she does not get both slots
        turns.release(running.pop())
        running.append(turns.take())
    assert sorted(map(who, running)) == ["alice", "bob"]


def test_who_comes_again_and_again_with_one_message_takes_turns_with_who_has_many() -> None:
    turns = Turns()
    offer(turns, "alice", 10)
    served = []
    for _ in range(6):
        offer(turns, "bob")
        served += serve(turns, 2)
    assert served.count("alice") == served.count("bob") == 6


def test_newcomers_do_not_keep_out_who_waits_even_when_more_come_than_can_be_served() -> None:
    turns = Turns()
    offer(turns, "alice", 10)
    served = []
    for number in range(21):
        offer(turns, f"newcomer-{number}")
        served += serve(turns, 1)
    assert served.count("alice") == 5


def test_routes_take_turns_too() -> None:
    turns = Turns()
    offer(turns, "alice", 3, route="restore-requests")
    offer(turns, "alice", 2, route="job-results")
    routes = []
    for _ in range(5):
        turn = turns.take()
        routes.append(turn.entry_id.partition("#")[0])
        turns.release(turn)
    assert routes == ["restore-requests", "job-results"] * 2 + ["restore-requests"]


def test_whoever_is_done_is_forgotten() -> None:
    turns = Turns()
    for number in range(100):
        offer(turns, f"user-{number}")
    serve(turns, 100)
    assert turns._routes == {}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["mails", "restores"]), st.integers(0, 3)), max_size=40),
    st.integers(1, 3),
)
def test_each_offered_entry_is_taken_once(offers: list[tuple[str, str, int]], slots: int) -> None:
    turns, taken, running = Turns(), [], []
    for user_id, route, number in offers:
        turns.add(f"{route}#{user_id}-{number}", user_id, None, remembered=64)
    while len(turns):
        running.append(turns.take())
        taken.append(running[-1].entry_id)
        if len(running) == slots:
            turns.release(running.pop(0))
    assert sorted(taken) == sorted({f"{route}#{user_id}-{number}" for user_id, route, number in offers})
