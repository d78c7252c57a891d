# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything the checks may look at, in one value. A part is `Unknown` with its reason where it could not be had."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Optional, Union

from .facts_cluster import Wants
from .facts_engine import EngineFacts
from .facts_host import (
    CanaryFacts,
    ClientFacts,
    CliFacts,
    DaemonConfig,
    Failure,
    GuestImage,
    HostFacts,
    Inventory,
    NetworkFacts,
)
from .facts_storage import FileSystem, StorageFacts
from .model import Unknown

NO_DAEMON = Unknown("the daemon could not be reached")
NOT_GATHERED = Unknown("this was not looked at")
NO_CLUSTER = Unknown("no cluster was given")
NO_CANARY = Unknown("the canary was not asked for (option canary)")


@dataclass(frozen=True)
class Facts:
    """The parts' names are what a check's `needs` lists."""

    client: ClientFacts
    failure: Optional[Failure] = None
    engine: Union[EngineFacts, Unknown] = NO_DAEMON
    storage: Union[StorageFacts, Unknown] = NO_DAEMON
    inventory: Union[Inventory, Unknown] = NO_DAEMON
    host: Union[HostFacts, Unknown] = NOT_GATHERED
    filesystems: Union[tuple[FileSystem, ...], Unknown] = NOT_GATHERED
    config: Union[DaemonConfig, Unknown] = NOT_GATHERED
    network: Union[NetworkFacts, Unknown] = NOT_GATHERED
    cli: Union[CliFacts, Unknown] = NOT_GATHERED
    wants: Union[Wants, Unknown] = NO_CLUSTER
    images: Union[tuple[GuestImage, ...], Unknown] = NO_CLUSTER
    canary: Union[CanaryFacts, Unknown] = NO_CANARY


def plain(facts: Facts) -> dict[str, Any]:
    """For a module's result: plain data, with unknown parts as null and their reasons under `unknown`.

    Of what others have on the daemon, only the counts: their labels are none of our business.
    """
    result: dict[str, Any] = {"unknown": {}}
    for field in fields(facts):
        if field.name == "inventory":
            continue
        value = getattr(facts, field.name)
        if isinstance(value, Unknown):
            result["unknown"][field.name] = value.reason
            result[field.name] = None
        else:
            result[field.name] = _plain(value)
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, Unknown):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
