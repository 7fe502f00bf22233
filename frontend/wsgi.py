"""What gunicorn serves."""

from frontend.app import create_app
from frontend.settings import FrontendSettings

app = create_app(FrontendSettings.at_entrance())
