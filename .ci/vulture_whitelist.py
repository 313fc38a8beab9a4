"""Fields and enumeration members read by name only; see write_vulture_whitelist.py."""

# service/domain/access.py
_.BARE

# service/domain/deadlines.py
_.AUTHORITY
_.COURT
_.MISSED
_.ORDERED
_.STATE
_.STATUTORY
_.TREATY_BODY

# service/domain/time_limits.py
_.BACKWARD
_.BEFORE

# service/errors.py
_.NONEXISTENT_LOCAL_TIME

# service/rules/library.py
_.AGENCY
_.CASE_LAW
_.DISPUTED
_.LAW
_.PRACTICE
_.SECONDARY
_.TREATY
_.UNVERIFIED
_.read_on

# service/schemas/computations.py
_.earliest_on

# service/schemas/deadlines.py
_.ended_because
_.ended_by
_.trigger_event_id

# service/schemas/feeds.py
_.webcal_url

# service/schemas/messages.py
_.opened_at

# service/store/attempts.py
_.opened_at

# service/store/deadlines.py
_.ended_because
_.ended_by
_.trigger_event_id

# service/store/escalations.py
_.started_at
