"""All that shares the released day, collected as one file so that one worker makes the day once."""

from __future__ import annotations

from bad_input_cases import *  # noqa: F403
from day_cases import *  # noqa: F403
from notebook_cases import *  # noqa: F403
