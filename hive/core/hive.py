"""The collaborators of a running hive in one frozen object; functions take it first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

import attrs

from hive.config import HostConfig
from hive.core.agents import Agents
from hive.core.audit import Audit
from hive.core.broker import Broker
from hive.core.build_queue import BuildQueue
from hive.core.container_view import ContainerView
from hive.core.jobs import Jobs
from hive.core.ledgers import Ledgers
from hive.core.loose_ends import LooseEnds
from hive.core.notifications import Notifications
from hive.core.questions import Questions
from hive.core.reminders import Reminders
from hive.core.searches import Searches
from hive.core.transients import Transients
from hive.core.users import Users
from hive.feed import Feed
from hive.host.installation import Installation
from hive.host.meta import Meta
from hive.host.repos import Repos
from hive.host.runtime import Runtime
from hive.paths import Paths
from hive.store.approvals import ApprovalStore
from hive.store.reviews import ReviewStore
from hive.wire.dashboard import TaskRow
from hive.wire.names import AgentName


class Access(Protocol):
    """Who may use the dashboard: one-time links for browsers, named tokens for scripts."""

    def new_login_link(self) -> str:
        """Return a fresh one-time path with its secret, to be put behind the address."""
        ...

    def create_token(self, name: str) -> str:
        """Return a new token; raises `Conflict` when one of that name is valid."""
        ...

    def token_names(self) -> list[str]:
        """Return the names of the valid tokens."""
        ...

    def revoke_token(self, name: str) -> None:
        """Make a token invalid; raises `NotFound`."""
        ...


class Mirror(Protocol):
    """Where the repositories are copied to for people to look at; never in anybody's way."""

    url: str | None
    """Its address for a browser; None without one."""
    trouble: str | None
    """Why it is behind, if it is."""

    def changed(self, agent: str) -> None:
        """Say that refs of that agent's repository, or of the meta repository, changed."""
        ...

    def token_of(self, name: AgentName) -> str | None:
        """Return an agent's own token, for the daemon to add; None while it has none."""
        ...


class NoMirror:
    """What there is without a forge."""

    url: str | None = None
    trouble: str | None = None

    def changed(self, agent: str) -> None:
        """Do nothing."""

    def token_of(self, name: AgentName) -> str | None:
        """Return None."""


@attrs.define
class Address:
    """Where the dashboard is."""

    url: str | None = None
    """Where it is bound; filled in then."""
    public: str | None = None
    """As the operator opens it, where that is another one."""

    @property
    def home(self) -> str | None:
        """Where a browser opens it, without a slash at the end; None while that is not known."""
        found = self.public or self.url
        return None if found is None else found.rstrip("/")

    @property
    def domain(self) -> str | None:
        """The name it is known by; None for one that has none of its own."""
        return None if self.public is None else urlsplit(self.public).hostname


@attrs.define
class Disk:
    """What is known of the disk the state is on; filled in by its guard."""

    free_bytes: int | None = None
    is_low: bool = False
    """That less is free than the reserve."""
    stored: Counter[str] = attrs.field(factory=Counter)
    """About how many bytes this daemon has stored for each agent, in messages and the like."""


@attrs.frozen
class Hive:
    """Everything a running daemon works with."""

    config: HostConfig
    paths: Paths
    clock: Callable[[], float]
    """Unix seconds."""
    feed: Feed
    agents: Agents
    users: Users
    broker: Broker
    approvals: ApprovalStore
    reviews: ReviewStore
    """The operator's comments on what is proposed."""
    questions: Questions
    reminders: Reminders
    searches: Searches
    loose_ends: LooseEnds
    notifications: Notifications
    """What the operator is told of at once, and where."""
    transients: Transients
    jobs: Jobs
    """What is done at once: start, stop, bringing back."""
    queue: BuildQueue
    """What is done one after the other and survives the daemon."""
    repos: Repos
    meta: Meta
    forge: Mirror
    runtime: Runtime
    installation: Installation
    view: ContainerView
    ledgers: Ledgers
    """What every agent reached and was refused."""
    access: Access
    address: Address
    audit: Audit
    publish: Callable[[object], None]
    """Put a frame of `wire/dashboard` on the feed."""
    tasks: Callable[[], tuple[TaskRow, ...]]
    """The state of the supervised tasks."""
    disk: Disk = attrs.field(factory=Disk)
