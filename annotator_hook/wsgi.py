"""What gunicorn serves."""

from annotator_hook.app import create_app
from annotator_hook.settings import AnnotatorSettings

app = create_app(AnnotatorSettings.at_entrance())
