"""The site's own settings with leases short enough to wait for. For the processes of test_kill.py alone."""

from vernissage.settings import *  # noqa: F403

LEASES = {"load": 20, "denoise": 3, "decode": 3, "encode": 3}
