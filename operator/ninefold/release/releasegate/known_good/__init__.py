"""The revisions and templates that a gate knows to be good, so that a rollback to them passes."""
