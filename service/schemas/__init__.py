"""JSON shapes of the REST surface. Unknown fields are refused; nothing is guessed."""
