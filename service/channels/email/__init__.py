"""E-mail: one message, one person, one recipient."""
