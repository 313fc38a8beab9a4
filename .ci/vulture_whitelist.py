"""Fields and enumeration members read by name only; see write_vulture_whitelist.py."""

# service/api/events.py
_.last_id

# service/domain/deadlines.py
_.AUTHORITY
_.COURT
_.ORDERED
_.STATE
_.STATUTORY
_.TREATY_BODY

# service/domain/service_of_process.py
_.COURIER
_.ELECTRONIC
_.IN_PERSON
_.POST
_.PUBLIC_NOTICE

# service/domain/time_limits.py
_.BACKWARD

# service/feeds/reading.py
_.location

# service/rules/library.py
_.AGENCY
_.CASE_LAW
_.DISPUTED
_.LAW
_.PRACTICE
_.SECONDARY
_.TREATY
_.read_on

# service/schemas/adjustments.py
_.decided_at
_.decided_by
_.lifted_at
_.lifted_by
_.requested_by

# service/schemas/alerts.py
_.resolved_because
_.resolved_by

# service/schemas/computations.py
_.earliest_on

# service/schemas/deadlines.py
_.CANNOT
_.NOT_MINE
_.difference_days
_.remaining_days

# service/schemas/events.py
_.previous_due_at
_.previous_due_on
_.proposed_due_at
_.proposed_due_on
_.schema_version
_.test
_.web

# service/schemas/feeds.py
_.help_url
_.location
_.old_address_until
_.qr_svg
_.up_to_date
_.webcal_url

# service/schemas/imports.py
_.trigger_event
_.trigger_event_ids

# service/schemas/inbound.py
_.as_
_.receipt_id
_.trigger_event

# service/schemas/messages.py
_.bounce_status
_.took_ms

# service/schemas/reviews.py
_.KEEP
_.decided_at
_.decided_because
_.decided_by

# service/store/alerts.py
_.resolved_because
_.resolved_by

# service/store/attempts.py
_.took_ms

# service/store/columns.py
_.inherit_cache

# service/store/extensions.py
_.decided_at
_.decided_by
_.requested_by

# service/store/messages.py
_.bounce_status

# service/store/reviews.py
_.decided_at
_.decided_because
_.decided_by

# service/store/tolling.py
_.lifted_at
_.lifted_by
