"""Mails that come back, as different servers write them; each made here, for one message of ours."""

POSTFIX = """\
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="edge"

--edge
Content-Type: text/plain; charset=us-ascii

The mail could not be delivered to one or more recipients.

--edge
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Original-Envelope-Id: {message_id}
Arrival-Date: Mon, 2 Mar 2026 10:00:00 +0600

Final-Recipient: rfc822; owner@example.org
Original-Recipient: rfc822;owner@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--edge
Content-Type: text/rfc822-headers

From: Deadlines <deadlines@example.org>
To: owner@example.org
Subject: Reminder
Message-ID: <{message_id}@example.org>
X-Notification-Id: {message_id}

--edge--
"""

EXIM = """\
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: {to}
Auto-Submitted: auto-replied
X-Failed-Recipients: owner@example.org
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  owner@example.org
    host mx.example.org [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<owner@example.org>:
    {said}

------ This is a copy of the message's headers. ------

From: Deadlines <deadlines@example.org>
To: owner@example.org
X-Notification-Id: {message_id}
"""

QMAIL = """\
From: MAILER-DAEMON@mx.example.net
To: {to}
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<owner@example.org>:
192.0.2.7 does not like recipient.
Remote host said: {said}

--- Below this line is a copy of the message.

Message-ID: <{message_id}@example.org>
X-Notification-Id: {message_id}
"""

COMPLAINT = """\
From: feedback@provider.example
To: {to}
Subject: Complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="edge"

--edge
Content-Type: text/plain

Somebody called this mail unwanted.

--edge
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Feedback/1
Version: 1

--edge
Content-Type: message/rfc822

From: Deadlines <deadlines@example.org>
Subject: Your deadlines
X-Notification-Id: {message_id}

body
--edge--
"""

AWAY = """\
From: Owner <owner@example.org>
To: {to}
Subject: Out of office
{header}

I am away until Monday. User unknown to nobody; 5.1.1 is not a status here.
In reply to X-Notification-Id, which is
X-Notification-Id: {message_id}
"""


def report(
    to: str = "bounces@example.org",
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 no such user",
    message_id: str = "msg_00000000000000000000000000",
) -> bytes:
    """By RFC 3464."""
    filled = POSTFIX.format(to=to, action=action, status=status, said=said, message_id=message_id)
    return filled.encode()


def odd(
    text: str,
    to: str = "bounces@example.org",
    said: str = "550 5.1.1 no such user",
    message_id: str = "msg_00000000000000000000000000",
) -> bytes:
    return text.format(to=to, said=said, message_id=message_id).encode()


def complaint(to: str, message_id: str, kind: str = "abuse") -> bytes:
    return COMPLAINT.format(to=to, message_id=message_id, kind=kind).encode()


def away(header: str, to: str = "bounces@example.org", message_id: str = "msg_0") -> bytes:
    return AWAY.format(to=to, header=header, message_id=message_id).encode()


def read_receipt() -> bytes:
    return (
        b"To: bounces@example.org\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/report; report-type=disposition-notification; boundary="e"\n\n'
        b"--e\nContent-Type: text/plain\n\nIt was displayed, 5.1.1.\n"
        b"--e\nContent-Type: message/disposition-notification\n\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed\n--e--\n"
    )
