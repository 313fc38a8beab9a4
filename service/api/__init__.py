"""REST in JSON: decode, ask a flow or the store, answer. No decisions here."""
