"""Commands report to the outbox of an enrolled frame, and to nobody otherwise."""

import argparse
from pathlib import Path

from device_agent import reporting
from device_agent.system.home import Home
from device_agent.telemetry.outbox import Outbox
from device_agent.telemetry.reporter import OutboxReporter
from frame_protocol.telemetry import Fault
from tests.support.frame import enrolled_home
from tests.support.pki import Authority


def test_an_enrolled_frame_keeps_the_report(tmp_path: Path, authority: Authority):
    home = enrolled_home(tmp_path / "home", authority, mqtt_port=1)
    reporter = reporting.LazyReporter(lambda: OutboxReporter(home))
    reporter.report(Fault(code="test"), key="once")
    reporter.report(Fault(code="test"), key="once")
    outbox = Outbox(home.outbox)
    assert outbox.depth() == 1
    assert reporter.boot() == outbox.current_boot()


def test_a_frame_without_identity_makes_no_outbox(tmp_path: Path):
    home = Home(tmp_path / "home")
    reporter = OutboxReporter(home)
    reporter.report(Fault(code="test"))
    assert reporter.boot() == reporting.NO_BOOT
    assert not home.root.exists()


def test_a_command_that_nobody_gave_a_reporter_reports_to_nobody():
    reporter = reporting.of(argparse.Namespace())
    reporter.report(Fault(code="test"))
    assert reporter.boot() == reporting.NO_BOOT


def test_nothing_is_opened_before_the_first_report():
    made: list[int] = []

    def make() -> reporting.Reporter:
        made.append(1)
        return reporting.NullReporter()

    reporter = reporting.LazyReporter(make)
    assert made == []
    reporter.report(Fault(code="test"))
    reporter.report(Fault(code="test"))
    assert made == [1]
