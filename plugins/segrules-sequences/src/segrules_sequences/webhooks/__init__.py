"""Webhooks by which providers tell what became of mails: the endpoint, and who may post there."""

from segrules_sequences.webhooks.endpoint import Webhooks, WebhooksAsgi, WebhooksWsgi
from segrules_sequences.webhooks.mailgun import MailgunWebhook
from segrules_sequences.webhooks.postmark import PostmarkWebhook
from segrules_sequences.webhooks.reading import Provider, RefusedError, UnreadableError
from segrules_sequences.webhooks.sendgrid import SendGridWebhook
from segrules_sequences.webhooks.ses import SesWebhook
from segrules_sequences.webhooks.signed import SignedWebhook

__all__ = [
    "MailgunWebhook",
    "PostmarkWebhook",
    "Provider",
    "RefusedError",
    "SendGridWebhook",
    "SesWebhook",
    "SignedWebhook",
    "UnreadableError",
    "Webhooks",
    "WebhooksAsgi",
    "WebhooksWsgi",
]
