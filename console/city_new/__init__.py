"""Makes the folder of a new city: files with comments that a person completes and a worker takes as they stand."""
