"""Sets the clock of one server wrong. Python imports this by itself where this folder is on PYTHONPATH.

``GAS_CHAOS_CLOCKS`` says whose and by how many seconds, such as ``annotator_hook=600,util_hook=-600``.
"""

import os
import sys
import time

for _server, _, _seconds in (item.partition("=") for item in os.environ.get("GAS_CHAOS_CLOCKS", "").split(",")):
    if f"{_server}.wsgi:app" in sys.orig_argv:
        import time_machine

        time_machine.travel(time.time() + float(_seconds), tick=True).start()
