"""What a daemon works with, made around an open database and bound into one `Hive`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import trio

from hive.config import HostConfig
from hive.core import acts, network
from hive.core.agents import Agents
from hive.core.audit import Audit
from hive.core.broker import Broker
from hive.core.build_queue import BuildQueue
from hive.core.container_view import ContainerView, Counts
from hive.core.hive import Address, Disk, Hive
from hive.core.jobs import Jobs
from hive.core.ledgers import Ledgers
from hive.core.loose_ends import LooseEnds
from hive.core.notifications import Notifications
from hive.core.outlets import Outlets
from hive.core.questions import Questions
from hive.core.reminders import Reminders, StateDir
from hive.core.searches import Searches
from hive.core.transients import Transients
from hive.core.users import Users
from hive.feed import Feed
from hive.host import gateway_key, installation, owners, program, template
from hive.host.git import Git
from hive.host.installation import Installation
from hive.host.meta import Meta, choose_meta
from hive.host.repos import Repos
from hive.host.runtime import Runtime
from hive.nursery import forge_mirror
from hive.nursery.supervisor import Supervisor
from hive.paths import Paths
from hive.store.agents import AgentStore
from hive.store.approvals import ApprovalStore
from hive.store.database import Clock, Database
from hive.store.jobs import JobStore
from hive.store.message_index import MessageIndex
from hive.store.messages import MessageStore
from hive.store.network import NetworkStore
from hive.store.notifications import NotificationStore
from hive.store.questions import QuestionStore
from hive.store.reminders import ReminderStore
from hive.store.reviews import ReviewStore
from hive.store.users import UserStore
from hive.web.access import Access
from hive.wire import codec
from hive.wire.dashboard import Acked, Delivered, JobChanged, Requeued, Sent, TasksChanged
from hive.wire.names import MANAGER, AgentName

Publish = Callable[[object], None]


@attrs.frozen
class Ground:
    """What there is before there is a hive."""

    config: HostConfig
    paths: Paths
    runtime: Runtime
    clock: Clock
    database: Database
    audit: Audit


async def make(on: Ground) -> tuple[Hive, Supervisor]:
    """Make the collaborators, and who watches over the tasks that will work with them.

    Raises `BadRequest` or `Unavailable` for settings that no agent could be given.
    """
    feed = Feed(on.clock())

    def publish(frame: object) -> None:
        feed.publish(partial(codec.to_tagged, "kind", frame))
        if isinstance(frame, Sent | Delivered | Acked | Requeued | JobChanged):
            view.poke()

    def tasks_changed() -> None:
        publish(TasksChanged(supervisor.rows()))

    supervisor = Supervisor(on.clock, tasks_changed)
    agents = Agents(AgentStore(on.database), on.clock)
    await agents.load()
    users = await _users(on)
    broker = _broker(on, agents, publish)
    questions = Questions(QuestionStore(on.database), broker, clock=on.clock, publish=publish)
    reminders = _reminders(on, broker, publish)
    approvals = ApprovalStore(on.database, on.clock)
    found = await _installation(on)
    ledgers = await _ledgers(on)
    transients = Transients(on.clock, publish)
    queue = BuildQueue(
        JobStore(on.database, on.clock), on.paths, publish=publish, broker=broker, agents=agents
    )
    git = Git(on.config.git)
    meta = await _meta(on, git)
    counts = Counts(
        broker.unread_counts,
        reminders.counts,
        lambda name: network.summary(hive, name),
        queue.rows,
    )
    view = ContainerView(
        on.paths, agents, on.runtime, transients, counts, publish, meta.hive_rev, on.clock
    )
    view.acts.recall(on.audit.newest(acts.RECALLED))
    address = Address(public=on.config.public_url)
    disk = Disk()
    hive = Hive(
        config=on.config,
        paths=on.paths,
        clock=on.clock,
        feed=feed,
        agents=agents,
        users=users,
        broker=broker,
        approvals=approvals,
        reviews=ReviewStore(on.database, on.clock),
        questions=questions,
        reminders=reminders,
        searches=Searches(MessageIndex(on.database)),
        loose_ends=LooseEnds(questions, reminders, approvals, on.clock),
        notifications=await _notifications(on, address, publish),
        transients=transients,
        jobs=Jobs(),
        queue=queue,
        repos=_repos(on, git, disk),
        meta=meta,
        forge=forge_mirror.choose(on.config, on.paths, agents, git, publish),
        runtime=on.runtime,
        installation=found,
        view=view,
        ledgers=ledgers,
        access=Access(on.paths.access, on.clock),
        address=address,
        audit=on.audit,
        publish=publish,
        tasks=supervisor.rows,
        disk=disk,
    )
    return hive, supervisor


async def _users(on: Ground) -> Users:
    users = Users(
        UserStore(on.database),
        on.config.agent_uids,
        are_shared=on.runtime.shares_user is not None,
        each=on.runtime.users_each,
    )
    await users.load()
    manager = users.of(MANAGER)
    if manager is not None:
        await trio.to_thread.run_sync(owners.prepare_hive, on.paths, manager)
    return users


def _broker(on: Ground, agents: Agents, publish: Publish) -> Broker:
    return Broker(
        MessageStore(on.database),
        clock=on.clock,
        known=agents.known_names,
        roster=agents.names,
        publish=publish,
        allowed=agents.allowed_recipients,
    )


def _reminders(on: Ground, broker: Broker, publish: Publish) -> Reminders:
    def state_dir(name: AgentName) -> StateDir:
        return StateDir(on.paths.agent_state(name), on.runtime.inside(name).state)

    return Reminders(
        ReminderStore(on.database), broker, clock=on.clock, state_dir=state_dir, publish=publish
    )


async def _installation(on: Ground) -> Installation:
    """Return what was found on this host; raises `BadRequest` for what the proxy cannot serve."""
    key = await trio.to_thread.run_sync(gateway_key.read_or_make, on.paths.gateway_key)
    found = installation.find(on.config, isolates=on.runtime.isolates)
    network.check(on.config, found.claude_env, is_separate=on.runtime.separates_network)
    return attrs.evolve(found, gateway_key=key)


async def _ledgers(on: Ground) -> Ledgers:
    ledgers = Ledgers(NetworkStore(on.database), on.clock)
    await ledgers.load()
    return ledgers


async def _meta(on: Ground, git: Git) -> Meta:
    revision = await trio.to_thread.run_sync(program.revision)
    return choose_meta(on.runtime.kind, on.paths, git, installed_rev=revision, config=on.config)


async def _notifications(on: Ground, address: Address, publish: Publish) -> Notifications:
    outlets = Outlets(on.config, on.paths, on.clock, lambda: address.url)
    notifications = Notifications(
        NotificationStore(on.database), outlets, clock=on.clock, publish=publish
    )
    await notifications.load()
    return notifications


def _repos(on: Ground, git: Git, disk: Disk) -> Repos:
    return Repos(
        on.paths,
        files=partial(template.files, on.runtime.kind),
        git=git,
        applied_url=lambda name: f"{on.runtime.inside(MANAGER).applied}/{name}/.git",
        manager=lambda: on.runtime.user(MANAGER),
        stored=lambda size: disk.stored.update({MANAGER: size}),
    )
