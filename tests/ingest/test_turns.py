"""Nobody decodes while the model has the processor."""

import threading

import pytest

from ingest.threads import Turns


def waiting_thread(turns: Turns, passed: threading.Event) -> threading.Thread:
    def run() -> None:
        turns.wait()
        passed.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_a_thread_waits_while_another_has_the_processor_alone() -> None:
    turns, passed = Turns(), threading.Event()
    with turns.alone():
        waiting_thread(turns, passed)
        assert not passed.wait(0.1)
    assert passed.wait(10)


def test_who_fails_alone_lets_the_others_go_on() -> None:
    turns, passed = Turns(), threading.Event()

    def fail_alone() -> None:
        with turns.alone():
            waiting_thread(turns, passed)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_alone()
    assert passed.wait(10)
