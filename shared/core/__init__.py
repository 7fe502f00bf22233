"""The pure heart of GAS: settings, errors, jobs, users, messages. Imports nothing else of GAS and does no I/O."""
