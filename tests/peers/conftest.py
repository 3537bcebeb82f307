"""The tests with real servers share one suite; its assertions explain themselves too."""

import pytest

pytest.register_assert_rewrite("tests.peers.suite")
