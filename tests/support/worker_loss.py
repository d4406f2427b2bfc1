"""What the loss of an egress worker does to a stream: `python -m tests.support.worker_loss`, by hand.

A stack and a second worker beside it. Five times the worker that has the stream is killed, and five
times it is drained, once with a server that takes a second publisher and once with nginx, which does
not. Prints for how long no picture came, and from how many publications they did.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from cli.ingest import Ingest, ingest
from tests.support.clips import clip
from tests.support.system import System, system, until
from tests.support.workers import carriers, egress_pid, names

TIMES = 5

STEADY = 3.0
"""Seconds of stream before and after."""
