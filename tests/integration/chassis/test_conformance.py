"""The tests `eventsourcing` ships for its own recorders, run against our store through `tests/support/recorder.py`.

Not run, with the reason: `InfrastructureFactoryTestCase`, `TranscoderTestCase` and the mapper's (the library's own
factories and encodings, none of which we use); `optional_test_insert_subscribe` (the library leaves it to those who want
subscriptions; ours are the relay and the projections, with tests of their own); `test_performance` (it asserts nothing:
`make bench-store` measures).
"""

import inspect
import unittest

import pytest
from eventsourcing.tests import persistence

from tests.support.recorder import (
    OurAggregateRecorder,
    OurApplicationRecorder,
    OurProcessRecorder,
    StoreThread,
)

LEFT_OUT = {"InfrastructureFactoryTestCase", "TranscoderTestCase"}


class OverOurStore:
    """A fresh database for each test."""

    recorder: type[OurAggregateRecorder] = OurProcessRecorder
    test_performance = None

    @pytest.fixture(autouse=True)
    def store_thread(self, toy_urls):
        with StoreThread(toy_urls[1]) as thread:
            self.thread = thread
            yield

    def create_recorder(self):
        return self.recorder(self.thread)


class TestAggregateRecorder(OverOurStore, persistence.AggregateRecorderTestCase):
    recorder = OurAggregateRecorder


class TestApplicationRecorder(OverOurStore, persistence.ApplicationRecorderTestCase):
    recorder = OurApplicationRecorder

    @pytest.mark.long
    def test_concurrent_no_conflicts(self):  # a hundred thousand events
        super().test_concurrent_no_conflicts()


class TestTrackingRecorder(OverOurStore, persistence.TrackingRecorderTestCase):
    pass


class TestProcessRecorder(OverOurStore, persistence.ProcessRecorderTestCase):
    pass


class TestNonInterleaving(OverOurStore, persistence.NonInterleavingNotificationIDsBaseCase):
    pass


def test_every_suite_the_library_ships_is_run_or_named_here():
    shipped = {
        name
        for name, thing in vars(persistence).items()
        if inspect.isclass(thing) and issubclass(thing, unittest.TestCase) and thing.__module__ == persistence.__name__
    }
    run = {base.__name__ for each in OverOurStore.__subclasses__() for base in each.__mro__}
    assert shipped - run == LEFT_OUT
