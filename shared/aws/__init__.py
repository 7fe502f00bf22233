"""AWS as `shared.core.ports` and `shared.core.inbox` ask for it. Clients are made in `session` alone."""
