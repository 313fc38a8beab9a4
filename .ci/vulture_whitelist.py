"""Fields and enumeration members read by name only; see write_vulture_whitelist.py."""

# service/domain/access.py
_.BARE

# service/domain/deadlines.py
_.AUTHORITY
_.COURT
_.MISSED
_.ORDERED
_.SKIPPED
_.STATE
_.STATUTORY
_.TREATY_BODY

# service/domain/time_limits.py
_.BACKWARD
_.BEFORE

# service/errors.py
_.BODY_TOO_LARGE
_.MALFORMED_JSON
_.METHOD_NOT_ALLOWED
_.NONEXISTENT_LOCAL_TIME
_.UNAVAILABLE
_.UNKNOWN_FIELD
_.UNSUPPORTED_MEDIA_TYPE

# service/flows/subscription.py
_.gone

# service/rules/library.py
_.AGENCY
_.CASE_LAW
_.DISPUTED
_.LAW
_.PRACTICE
_.SECONDARY
_.TREATY
_.UNVERIFIED
_.VERIFIED
_.examples
_.read_on

# service/schemas/deadlines.py
_.ended_because
_.ended_by
_.proof
_.trigger_event_id
_.warnings

# service/schemas/feeds.py
_.webcal_url

# service/schemas/fields.py
_.next_cursor

# service/schemas/messages.py
_.opened_at

# service/schemas/problems.py
_.errors
_.request_id

# service/schemas/rules.py
_.examples
_.warning

# service/schemas/trigger_events.py
_.created_by

# service/settings.py
_.delivery_slots
_.log_format
_.max_body_bytes
_.metrics_port
_.poll_seconds
_.redis_url

# service/store/deadlines.py
_.ended_because
_.ended_by
_.trigger_event_id

# service/store/escalations.py
_.started_at

# service/store/messages.py
_.opened_at

# service/store/trigger_events.py
_.created_by
