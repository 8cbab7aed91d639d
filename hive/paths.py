"""Every path hive owns on the host, derived from two directories.

So a test passes `tmp_path` and nothing touches the machine. Where the two are, when nobody says, is
read from the environment.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from hive.errors import BadRequest
from hive.wire.names import MANAGER, AgentName

SOCKET_PATH_BYTES = 107


@attrs.frozen
class Paths:
    """Every path of one hive on the host, from its state and its socket directory."""

    state: Path
    run: Path

    @property
    def host_socket(self) -> Path:
        """The operator's socket."""
        return self.run / "host.sock"

    @property
    def etc(self) -> Path:
        """Copies of what containers see of /etc; mounted there, read-only."""
        return self.run / "etc"

    @property
    def lock(self) -> Path:
        """Held by the daemon for as long as it lives."""
        return self.state / "daemon.lock"

    @property
    def broker_db(self) -> Path:
        """Messages, approvals, questions, reminders."""
        return self.state / "broker.sqlite"

    @property
    def access(self) -> Path:
        """Hashes of the browsers' sessions and of the scripts' tokens; mode 0600."""
        return self.state / "access.json"

    @property
    def push_key(self) -> Path:
        """The key by which push services know this hive; mode 0600."""
        return self.state / "push-key"

    @property
    def audit(self) -> Path:
        """The audit log, mode 0700; never mounted."""
        return self.state / "audit"

    @property
    def shared(self) -> Path:
        """Mounted at /shared in every container."""
        return self.state / "shared"

    @property
    def agents(self) -> Path:
        """One directory per agent, the manager's included."""
        return self.state / "agents"

    def agent_run(self, name: AgentName) -> Path:
        """The directory mounted at /run/hive in that container."""
        return self.run / "manager" if name == MANAGER else self.run / "agents" / name

    def agent_socket(self, name: AgentName) -> Path:
        """The socket that makes whoever connects that agent."""
        return self.agent_run(name) / "mcp.sock"

    def web_socket(self, name: AgentName) -> Path:
        """Where that agent's harness serves its page."""
        return self.agent_run(name) / "web.sock"

    def terminal_socket(self, name: AgentName) -> Path:
        """Where that agent's harness starts programs for the operator."""
        return self.agent_run(name) / "terminal.sock"

    def egress_socket(self, name: AgentName) -> Path:
        """That agent's way out: the daemon's proxy."""
        return self.agent_run(name) / "egress.sock"

    def gateway_socket(self, name: AgentName) -> Path:
        """That agent's way to the gateway where its network is the host's."""
        return self.agent_run(name) / "gateway.sock"

    def agent_root(self, name: AgentName) -> Path:
        """Everything that is kept of that agent."""
        return self.agents / name

    def agent_state(self, name: AgentName) -> Path:
        """Mounted at /state."""
        return self.agents / name / "state"

    def agent_claude(self, name: AgentName) -> Path:
        """Mounted at /root/.claude."""
        return self.agents / name / "claude"

    def agent_config(self, name: AgentName) -> Path:
        """The proposed repository."""
        return self.agents / name / "config"

    @property
    def all_applied(self) -> Path:
        """Mounted at /applied, read-only, in the manager's container."""
        return self.state / "applied"

    def applied(self, name: AgentName) -> Path:
        """The applied repository: only the daemon writes it, containers are built from it."""
        return self.all_applied / name

    @property
    def meta(self) -> Path:
        """The meta repository: which commit of every agent is deployed."""
        return self.state / "meta"

    @property
    def migrated(self) -> Path:
        """Says which older layouts were brought up to date."""
        return self.state / "migrated.json"

    def generation(self, name: AgentName, sha: str) -> Path:
        """The files of one commit of that agent, as its container sees them at /etc/hive/config."""
        return self.state / "generations" / name / sha

    def job_log(self, number: int) -> Path:
        """What a job of the build queue said."""
        return self.state / "jobs" / f"{number}.log"

    @property
    def gateway_key(self) -> Path:
        """What the agents' words at the gateway are made from; never mounted."""
        return self.state / "gateway-key"

    @property
    def forge_tokens(self) -> Path:
        """Where the daemon keeps each agent's token at the forge."""
        return self.state / "forge-tokens"

    def given(self, name: AgentName) -> Path:
        """What the daemon gives that agent's harness; mounted read-only at /etc/hive."""
        return self.state / "given" / name

    def sandbox(self, name: AgentName) -> Path:
        """The daemon's own records of that agent's container; never mounted."""
        return self.state / "containers" / name

    def check(self) -> None:
        """Raise `BadRequest` when a socket below `run` would not fit a unix address."""
        longest = self.terminal_socket(AgentName("x" * 9))
        size = len(os.fsencode(longest))
        if size > SOCKET_PATH_BYTES:
            raise BadRequest(
                f"{self.run} is too deep: a socket below it would be {size} bytes and the kernel"
                f" takes {SOCKET_PATH_BYTES}; give a shorter --root"
            )


def paths_for(root: Path | None, *, system: bool) -> Paths:
    """Return the paths below `root`, else the system's, else the user's own; checked."""
    if root is not None:
        root = root.absolute()
        paths = Paths(root / "state", root / "run")
    elif system:
        paths = Paths(Path("/var/lib/hyperhive"), Path("/run/hyperhive"))
    else:
        env = os.environ
        home = Path(env.get("HOME") or "/")
        state = Path(env.get("XDG_STATE_HOME") or home / ".local/state") / "hyperhive"
        runtime = env.get("XDG_RUNTIME_DIR")
        paths = Paths(state, Path(runtime) / "hyperhive" if runtime else state / "run")
    paths.check()
    return paths
