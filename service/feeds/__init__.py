"""Subscribable calendars: a mirror of the deadlines, never the alarm."""
