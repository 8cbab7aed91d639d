"""The outlets beyond the open pages: Web Push, a webhook and ntfy, and what each said.

Each is asked with a deadline, once; whoever asks decides whether it is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from hive.config import HostConfig
from hive.core.notify_rules import is_final
from hive.errors import HiveError
from hive.host import outlet_http
from hive.host.outlet_http import Answer
from hive.paths import Paths
from hive.wire.notifications import NTFY, WEBHOOK, NewSubscription, Notification

if TYPE_CHECKING:
    from hive.store.notify_rows import Subscription

REQUEST_S = 15.0
_GONE = frozenset({404, 410})


@attrs.frozen
class Sent:
    """What became of one try."""

    is_accepted: bool
    answer: str
    """What the outlet said, in a sentence without secrets."""
    is_final: bool = False
    """That another try would bring the same."""
    retry_after_s: float | None = None
    is_gone: bool = False
    """That the browser it was pushed to is no more."""


class Outlets:
    """The outlets of one hive."""

    def __init__(
        self,
        config: HostConfig,
        paths: Paths,
        clock: Callable[[], float],
        address: Callable[[], str | None],
        *,
        deadline_s: float = REQUEST_S,
    ) -> None:
        """By the daemon's settings."""
        self._config = config
        self._paths = paths
        self._clock = clock
        self._address = address
        self._deadline_s = deadline_s

    def home(self) -> str | None:
        """Return the dashboard's address, as far as it is known."""
        return self._config.public_url or self._address()

    def configured(self) -> list[str]:
        """Return which of webhook and ntfy there are."""
        urls = ((WEBHOOK, self._config.webhook_url), (NTFY, self._config.ntfy_url))
        return [name for name, url in urls if url is not None]

    def where(self, name: str) -> str:
        """Return where an outlet sends to, without what might be secret, or how it is made."""
        url = self._config.webhook_url if name == WEBHOOK else self._config.ntfy_url
        return f"set {name}_url in the daemon's settings" if url is None else self.host_of(url)

    def host_of(self, url: str) -> str:
        """Return the host of an address; what is behind it may be a secret."""
        return outlet_http.host_of(url)

    def check_subscription(self, new: NewSubscription) -> None:
        """Raise `BadRequest` for what no browser gives."""
        from hive.host import web_push  # noqa: PLC0415 - only a hive that pushes needs it

        web_push.check(new)

    async def public_key(self) -> str:
        """Return what browsers subscribe with, made at the first time; raises `Unavailable`."""
        from hive.host import push_key  # noqa: PLC0415 - as above

        return (await push_key.read_or_make(self._paths.push_key)).public

    async def send(
        self, outlet: str, notification: Notification, subscription: Subscription | None
    ) -> Sent:
        """Try one outlet once."""
        try:
            answer = await self._ask(outlet, notification, subscription)
        except HiveError as error:
            return Sent(False, error.message)
        if answer.is_success:
            return Sent(True, answer.sentence)
        is_gone = subscription is not None and answer.status in _GONE
        return Sent(
            False,
            answer.sentence,
            is_final(answer.status),
            answer.retry_after_s(self._clock()),
            is_gone,
        )

    async def _ask(
        self, outlet: str, notification: Notification, subscription: Subscription | None
    ) -> Answer:
        from hive.host import ntfy, webhook  # noqa: PLC0415 - as above

        config, now, deadline_s = self._config, self._clock(), self._deadline_s
        if outlet == WEBHOOK and config.webhook_url is not None:
            url, secret = config.webhook_url, config.webhook_secret_file
            return await webhook.post(url, secret, notification, now, deadline_s=deadline_s)
        if outlet == NTFY and config.ntfy_url is not None:
            url, token = config.ntfy_url, config.ntfy_token_file
            return await ntfy.publish(url, token, notification, deadline_s=deadline_s)
        if subscription is not None:
            from hive.host import web_push  # noqa: PLC0415 - as above

            key, contact = self._paths.push_key, config.push_contact
            to = NewSubscription(
                subscription.endpoint, subscription.p256dh, subscription.auth, subscription.label
            )
            return await web_push.push(to, notification, key, contact, now, deadline_s=deadline_s)
        return Answer(410, "nothing is sent there any longer", None)
