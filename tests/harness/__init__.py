"""Real parts for tests: servers, processes and a world made of them. Never a mock."""
