"""What gunicorn serves."""

from util_hook.app import create_app
from util_hook.settings import UtilSettings

app = create_app(UtilSettings.at_entrance())
