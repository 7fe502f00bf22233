"""An app that counts, for the tests of metrics: run by gunicorn with the settings of GAS's servers."""

from __future__ import annotations

import os

from flask import Flask

from shared import metrics


class _Extension:
    """What `deploy/servers/gunicorn.conf.py` starts and stops in each worker."""

    def start(self) -> None:
        metrics.server_state(ready=True, backlog=7, bound=100, slots=2, busy=0)

    def drain(self) -> None:
        pass

    def stop(self, seconds: float) -> None:
        pass


def push() -> str:
    """Counts one push, and says which process did."""
    metrics.push_answered("job-requests", "accepted", 0.01)
    return str(os.getpid())


app = Flask(__name__)
app.add_url_rule("/push", view_func=push)
app.extensions["gas"] = _Extension()
