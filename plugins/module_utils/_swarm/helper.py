# SPDX-License-Identifier: GPL-3.0-or-later
"""A short-lived container on a host's own network: it looks around, answers on Swarm's ports, and tries the others'.

It takes no privilege but the host's network, writes nothing, ends by itself after LIFE seconds and is removed then.
What a killed run leaves is removed by the next (_cluster.helpers): it would hold the ports that are to be free.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, Iterator, Mapping, Optional, Sequence, Union

from .._checks import gather_host, values
from .._checks.facts_hosts import Interface, Seen, Way, interfaces
from .._checks.model import Unknown
from .._client import Daemon
from .._cluster.helpers import LABEL, RUN_LABEL, sweep, this_run
from .._cluster.ready import run_in
from .._errors import DaemonError
from .program import LIVE, NO_PYTHON, PROGRAM, START

LIFE = 60  # seconds
WAIT = 3.0  # seconds for a port to answer
PORTS = ("2377/tcp", "7946/tcp", "7946/udp", "4789/udp")
SEEN_BY_MANAGERS = ("2377/tcp", "7946/tcp")  # what of these answers by itself once a host is in the Swarm
FOLDERS = ("/lib/modules", "/boot")


class _Replied:
    """What the helper read, in the place of gather_host's machine."""

    def __init__(self, files: Mapping[str, Any], tables: Mapping[str, Any]) -> None:
        self.files, self.tables, self.top = files, tables, "/nowhere"

    def read(self, path: str) -> Optional[str]:
        return values.text(self.files.get(path), 1 << 22) or None

    def net(self, name: str) -> Optional[str]:
        return values.text(self.tables.get(name), 1 << 22) or None

    def kernel_config(self) -> str:
        """Of /boot alone, as a file; /proc/config.gz is not looked at."""
        return ""


class Helper:
    """One host's helper: `with Helper(daemon, image) as helper:`; `look` first, then `measure`."""

    def __init__(self, daemon: Daemon, image: str) -> None:
        self.daemon, self.image = daemon, image
        self.name = f"tpaexec-helper-{uuid.uuid4().hex[:12]}"

    def start(self) -> None:
        """Create and start it; a folder that this host does not have is left out."""
        sweep(self.daemon)
        folders = list(FOLDERS)
        while True:
            try:
                self.daemon.call("create_container_from_config", self._body(folders), self.name)
                break
            except DaemonError as error:
                absent = [folder for folder in folders if re.search(rf"{folder}(?![\w/])", error.message)]
                if "bind source path does not exist" not in error.message or not absent:
                    raise
                folders = [folder for folder in folders if folder not in absent]
        self.daemon.call("start", self.name)

    def _body(self, folders: Sequence[str]) -> dict[str, Any]:
        mounts = [{"Type": "bind", "Source": path, "Target": path, "ReadOnly": True} for path in folders]
        return {
            "Image": self.image,
            "User": "0",
            "Entrypoint": ["/bin/sh", "-c", LIVE, "sh", str(LIFE)],
            "Cmd": [],
            "Labels": {LABEL: str(LIFE), RUN_LABEL: this_run()},
            "HostConfig": {
                "NetworkMode": "host",
                "UsernsMode": "host",
                "AutoRemove": True,
                "ReadonlyRootfs": True,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "Mounts": mounts,
            },
        }

    def look(self, ports: Sequence[str]) -> Union[Seen, Unknown]:
        """The host from inside; from now on it answers on those *ports* that are free."""
        reply = self._run({"do": "look", "ports": list(ports)})
        return reply if isinstance(reply, Unknown) else read_look(reply)

    def measure(
        self, source: str, targets: Sequence[Mapping[str, Any]], wait: float = WAIT
    ) -> Union[list[Way], Unknown]:
        """From this host, called *source*, to each of the *targets*: {host, address, ports, ours, mtu}."""
        reply = self._run({"do": "measure", "targets": list(targets), "seconds": wait})
        if isinstance(reply, Unknown):
            return reply
        return [
            Way.from_reply(source, target["host"], target["address"], reply.get(target["host"])) for target in targets
        ]

    def _run(self, order: Mapping[str, Any]) -> Union[dict[str, Any], Unknown]:
        code, output = run_in(self.daemon, self.name, START, PROGRAM, json.dumps(order))
        if code == NO_PYTHON:
            return Unknown(
                f"the image {self.image} has no Python: give the hosts one that has, or open the ports unseen"
            )
        try:
            found = json.loads(output.strip().splitlines()[-1])
        except (ValueError, IndexError):
            return Unknown(f"the helper container ended with {code}: {output.strip()[-300:]}")
        return values.mapping(found)

    def remove(self) -> None:
        try:
            self.daemon.call("remove_container", self.name, force=True, v=True)
        except DaemonError as error:
            if error.status not in (404, 409):  # 409: its removal is under way
                raise


def read_look(reply: Mapping[str, Any]) -> Seen:
    """The reply of `look`, typed."""
    machine: Any = _Replied(values.mapping(reply.get("files")), values.mapping(reply.get("net")))
    release = values.text(reply.get("release"))
    return Seen(
        interfaces=interfaces(reply.get("interfaces")),
        routes=gather_host.network_facts(machine, ()).routes,
        uplink=gather_host.uplink(machine),
        features={name: gather_host.kernel_feature(machine, name, release) for name in gather_host.FEATURES},
        taken=values.texts(reply.get("taken")),
    )


def choose_address(said: str, reached_by: str, seen: Optional[Seen], peers: Sequence[str]) -> str:
    """By which of its addresses the other hosts reach a host; "" when that cannot be told.

    Said in config.yml, else the one by which the controller reaches it when it is the host's own, else the only one in
    a network where the others are, else that of the default route.
    """
    if said or seen is None:
        return said or reached_by
    own = [item for item in seen.interfaces if not _of_docker(item)]
    if reached_by in {item.ip for item in own}:
        return reached_by
    near = [item for item in own if any(_inside(peer, item.address) for peer in peers)]
    if len({item.ip for item in near}) == 1:
        return near[0].ip
    outward = [item for item in own if item.name == seen.uplink]
    chosen = outward or (own if len(own) == 1 else [])
    return chosen[0].ip if chosen else ""


def _of_docker(item: Interface) -> bool:
    return re.match(r"docker|br-|veth", item.name) is not None


def _inside(address: str, place: str) -> bool:
    network, one = values.subnet(place), values.subnet(address)
    return network is not None and one is not None and one.network_address in network


def targets(source: str, addresses: Mapping[str, str], inside: Mapping[str, bool]) -> Iterator[dict[str, Any]]:
    """What *source* tries. A host that is in the Swarm has its own listeners, which answer over TCP only.

    *inside*: of each host, whether it is in the Swarm; its managers alone listen on 2377.
    """
    for host, address in addresses.items():
        if host == source or not address:
            continue
        if inside.get(host):
            yield {"host": host, "address": address, "ports": ["7946/tcp"], "ours": False}
        else:
            yield {"host": host, "address": address, "ports": list(PORTS), "ours": True, "mtu": "7946/udp"}
