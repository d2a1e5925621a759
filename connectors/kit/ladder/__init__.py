"""The ladder to a running connector: check, validate, dry-run; the fourth step is the run itself."""
