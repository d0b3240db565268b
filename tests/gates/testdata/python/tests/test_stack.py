"""Tests of the stack."""

import iniconfig

from shop import template


def test_queue_keeps_a_week() -> None:
    """The queue keeps messages for a week."""
    queue = template()["Resources"]["Orders"]
    assert queue["Properties"]["MessageRetentionPeriod"] == 604800


def test_packages_are_installed() -> None:
    """The packages of the lock file are those that the tests see."""
    assert iniconfig.IniConfig
