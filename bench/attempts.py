"""What is done about a run that had to share its processors: it is made again. One rule for all that is measured under load."""

PROCESSOR_SHARE_MIN = 0.9
ATTEMPTS = 3


def undisturbed(run_once):
    """Runs until nothing else had the processors meanwhile, at most three times; else the run that had most of them. A run has
    `share`, of its processors' time, and `disturbed`."""
    best = None
    for _ in range(ATTEMPTS):
        run = run_once()
        if best is None or run.share > best.share:
            best = run
        if not run.disturbed:
            return run
    return best
