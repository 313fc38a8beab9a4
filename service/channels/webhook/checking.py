"""Whether a webhook is signed by a secret, as whoever takes it finds out."""

from collections.abc import Mapping

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError


class Checker:
    """Raises ValueError for a secret that could sign nothing."""

    def __init__(self, secret: str) -> None:
        try:
            self._webhook = Webhook(secret)
        except (EmptyWebhookSecretError, RuntimeError) as error:
            raise ValueError("the secret is empty") from error

    def fault(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """None: the signature holds. Header names are in lower case."""
        try:
            self._webhook.verify(body, dict(headers))
        except WebhookVerificationError as error:
            return str(error)
        except ValueError:
            return None  # it holds, of what is no JSON
        return None
