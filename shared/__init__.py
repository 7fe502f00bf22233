"""What the three servers share. Each package's docstring says what it is for and whom it may know."""
