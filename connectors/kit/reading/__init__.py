"""Reading what others write: JSON, places, local times, Korean dispatch rows. Pure: no clock, no files."""
