"""Durable receipt of pushes: accept, claim, heartbeat, complete, retry, dead-letter, sweep."""
