"""Whether an agent may connect somewhere: first by what it asks for, then by what that resolves to.

A name that is not listed is never resolved, so that nothing leaves by way of the resolver.
"""

from __future__ import annotations

import attrs

from hive.egress import addresses
from hive.errors import Refused
from hive.wire.destinations import Address, Destination, Target

LOCALHOST = "localhost"
ALWAYS = ("api.anthropic.com:443", "platform.claude.com:443")
"""The API, and where a login is exchanged and renewed."""


@attrs.frozen
class Policy:
    """What one agent may connect to."""

    allowed: tuple[Destination, ...] = ()
    trusted: tuple[Destination, ...] = ()
    """Addresses of hive's own services as the operator gave them: wherever their names lead."""

    def check(self, target: Target) -> None:
        """Raise `Refused` for what nobody allowed; of a name nothing is known yet afterwards."""
        address = target.address
        if address is None:
            if not any(
                each.covers_name(target.host, target.port)
                for each in (*self.allowed, *self.trusted)
            ):
                raise Refused(f"{target} is not among what you may reach: {_mend(str(target))}")
        elif not self._lists(address, target.port):
            raise Refused(f"{target} is not among what you may reach: {_mend(str(target))}")

    def why_not(self, target: Target, address: Address) -> str | None:
        """Return why an address that the checked target resolved to is not to be used."""
        if self._is_trusted(target) or self._lists(address, target.port):
            return None
        wrong = addresses.kind(address)
        if wrong is None:
            return None
        listed = Target(str(addresses.plain(address)), target.port, address)
        return f"{target.host} is at {address}, which is {wrong}: {_mend(str(listed))}"

    def may_be_own(self, target: Target, address: Address) -> bool:
        """Whether that address may be used although it is this very host's."""
        return self._is_trusted(target) or self._lists(address, target.port)

    def _lists(self, address: Address, port: int) -> bool:
        plain = addresses.plain(address)
        return any(each.covers_address(plain, port) for each in (*self.allowed, *self.trusted))

    def _is_trusted(self, target: Target) -> bool:
        among = self.trusted
        if target.host == LOCALHOST:
            among = (*among, *self.allowed)
        return any(each.covers_name(target.host, target.port) for each in among)


def _mend(entry: str) -> str:
    """Return what is to be asked for; without a port where the usual ones are meant."""
    text = entry.removesuffix(":443").removesuffix(":80")
    return f'ask the manager to add allow = ["{text}"] to your agent.toml'
