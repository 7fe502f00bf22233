"""The annotator: takes `JobRequested` pushes, annotates, announces `JobFinished`."""
