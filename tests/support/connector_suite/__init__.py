"""One line brings a connector its tests: ``TestMine = connector_suite("mine", Samples(write=...))``."""

from tests.support.connector_suite.happenings import Happening, Samples
from tests.support.connector_suite.outside import HttpOutside
from tests.support.connector_suite.sink_samples import SinkSamples
from tests.support.connector_suite.sinks import sink_suite
from tests.support.connector_suite.sources import connector_suite

__all__ = ["Happening", "HttpOutside", "Samples", "SinkSamples", "connector_suite", "sink_suite"]
