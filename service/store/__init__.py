"""Tables and queries: the table class on top, plain functions that take a session below it."""
