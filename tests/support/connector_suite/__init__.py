"""One line brings a connector its tests: ``TestMine = connector_suite("mine", Samples(write=...))``."""

import pytest

# An assertion that fails here shows what it got, as one in a test module does.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in ("placing", "reading", "restarts", "rigs", "sink_hostility", "sink_rig", "sinks", "sources")
    )
)

from tests.support.connector_suite.happenings import Happening, Samples  # noqa: E402
from tests.support.connector_suite.outside import HttpOutside  # noqa: E402
from tests.support.connector_suite.sink_samples import SinkSamples  # noqa: E402
from tests.support.connector_suite.sinks import sink_suite  # noqa: E402
from tests.support.connector_suite.sources import connector_suite  # noqa: E402

__all__ = ["Happening", "HttpOutside", "Samples", "SinkSamples", "connector_suite", "sink_suite"]
