"""Step Functions, of which moto executes nothing, or each execution in a thread of its own."""
