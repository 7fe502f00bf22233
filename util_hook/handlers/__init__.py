"""One file and one function a message."""
