"""Webhooks, signed after the Standard Webhooks specification."""
