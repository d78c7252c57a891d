# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine in memory, as far as docker_cluster can tell: what `call` and `update_container` do and refuse.

Its refusals and the defaults that it fills in are those of a real engine (tests/data/inspect shows where they come
from). `calls` holds every call that changes something.
"""

from __future__ import annotations

import copy
import ipaddress
from types import SimpleNamespace
from typing import Any, Optional

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError

IMAGE_ENV = ["PATH=/usr/sbin:/usr/bin", "container=docker"]
HOST_DEFAULTS: dict[str, Any] = {
    "Memory": 0, "MemorySwap": 0, "MemoryReservation": 0, "NanoCpus": 0, "PidsLimit": None, "ShmSize": 67108864,
    "CapAdd": None, "CapDrop": None, "Dns": [], "DnsSearch": [], "ExtraHosts": None, "Devices": [], "Sysctls": None,
    "SecurityOpt": None, "Ulimits": None, "Privileged": False, "LogConfig": {"Type": "json-file", "Config": {}},
}  # fmt: skip
LOOKING = (
    "version", "info", "containers", "networks", "volumes", "nodes", "tasks", "logs", "get_archive", "inspect_", "exec_"
)  # fmt: skip


def refused(status: int, text: str) -> DaemonError:
    return DaemonError(f"The Docker daemon refused: {text}.", "", "DAEMON_ERROR", status)


class ModelEngine:
    """One engine. Ids count up, so that every run is the same."""

    def __init__(self, images: Optional[dict[str, str]] = None) -> None:
        self.address = SimpleNamespace(local=False, socket_path="", timeout=60)
        self.images = images if images is not None else {"guest:1": "sha256:aa", "guest:2": "sha256:bb"}
        self.boxes: dict[str, dict[str, Any]] = {}
        self.nets: dict[str, dict[str, Any]] = {}
        self.volumes: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.boots: dict[str, str] = {}  # container name → what its systemd says; running unless said
        self.execs: list[tuple[str, list[str]]] = []
        self._count = 0

    def __enter__(self) -> ModelEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if not method.startswith(LOOKING):
            self.calls.append((method, args))
        return getattr(self, f"do_{method}")(*args, **kwargs)

    def by_name(self, name: str) -> dict[str, Any]:
        return next(box for box in self.boxes.values() if box["Name"] == f"/{name}")

    def names(self) -> set[str]:
        return {str(box["Name"]).lstrip("/") for box in self.boxes.values()}

    def net(self, name: str) -> Optional[dict[str, Any]]:
        return next((net for net in self.nets.values() if net["Name"] == name), None)

    # -- looking

    def do_version(self) -> dict[str, Any]:
        return {"Version": "20.10.24+dfsg1", "ApiVersion": "1.41"}

    def do_info(self) -> dict[str, Any]:
        return {"CgroupVersion": "1", "CgroupDriver": "cgroupfs", "SecurityOptions": ["name=seccomp"], "Name": "model"}

    def do_containers(self, all: bool = False, filters: Optional[dict[str, list[str]]] = None) -> list[dict[str, Any]]:
        return [
            {"Id": ident, "Names": [box["Name"]], "Labels": box["Config"]["Labels"]}
            for ident, box in self.boxes.items()
            if all or box["State"]["Status"] == "running"
            if set((filters or {}).get("label", ())) <= set(box["Config"]["Labels"])
        ]

    def do_networks(self) -> list[dict[str, Any]]:
        return [{"Id": net["Id"], "Name": net["Name"], "Labels": net["Labels"]} for net in self.nets.values()]

    def do_inspect_container(self, ident: str) -> dict[str, Any]:
        return copy.deepcopy(self._box(ident))

    def do_inspect_network(self, ident: str) -> dict[str, Any]:
        net = copy.deepcopy(self._net(ident))
        net["Containers"] = {
            key: {"Name": str(box["Name"]).lstrip("/"), "IPv4Address": f"{endpoint['IPAddress']}/24"}
            for key, box, endpoint in self._attached(net["Id"])
        }
        return net

    def do_inspect_image(self, name: str) -> dict[str, Any]:
        if name not in self.images:
            raise refused(404, f"No such image: {name}")
        return {"Id": self.images[name], "Config": {"Env": IMAGE_ENV}}

    def do_inspect_volume(self, name: str) -> dict[str, Any]:
        if name not in self.volumes:
            raise refused(404, f"get {name}: no such volume")
        return self.volumes[name]

    def do_exec_create(self, ident: str, command: list[str], **_kwargs: Any) -> dict[str, str]:
        box = self._box(ident)
        if box["State"]["Status"] != "running":
            raise refused(409, f"Container {ident} is not running")
        self.execs.append((ident, command))
        return {"Id": str(len(self.execs) - 1)}

    def do_exec_start(self, number: str) -> bytes:
        ident, (_sh, _c, script, _zero, *words) = self.execs[int(number)]
        box = self._box(ident)
        if script == "cat /etc/hosts":
            return str(box["hosts"]).encode()
        if "/etc/hosts" in script:
            box["hosts"] += "".join(f"{word}\n" for word in words if word not in box["hosts"].splitlines())
        return f"state={self.boots.get(str(box['Name']).lstrip('/'), 'running')}\n".encode()

    def do_exec_inspect(self, _ident: str) -> dict[str, int]:
        return {"ExitCode": 0}

    def do_logs(self, _ident: str, **_kwargs: Any) -> bytes:
        return b"its last words\r\n"

    def do_get_archive(self, _ident: str, path: str) -> Any:
        raise refused(404, f"Could not find the file {path}")

    # -- containers

    def do_create_container_from_config(self, body: dict[str, Any], name: str = "") -> dict[str, str]:
        host = copy.deepcopy(body["HostConfig"])
        ident = self._next("c")
        if host.get("AutoRemove"):
            return {"Id": "autoremove"}
        if name in self.names():
            raise refused(409, f'Conflict. The container name "/{name}" is already in use by container')
        image = self.do_inspect_image(body["Image"])
        said = {item.split("=")[0] for item in body["Env"]}
        endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        self.boxes[ident] = {
            "Id": ident,
            "Name": f"/{name}",
            "Image": image["Id"],
            "State": {"Status": "created", "ExitCode": 0, "Error": ""},
            "Config": {
                "Image": body["Image"],
                "Hostname": body["Hostname"],
                "Labels": dict(body["Labels"]),
                "Env": [*body["Env"], *(item for item in IMAGE_ENV if item.split("=", maxsplit=1)[0] not in said)],
                "ExposedPorts": {**body["ExposedPorts"], "80/tcp": {}},
            },
            "HostConfig": {**copy.deepcopy(HOST_DEFAULTS), **host},
            "Mounts": [],
            "hosts": "",
            "NetworkSettings": {"Networks": {key: _endpoint(value) for key, value in endpoints.items()}},
        }
        return {"Id": ident}

    def do_start(self, ident: str) -> None:
        if ident == "autoremove":
            return
        box = self._box(ident)
        if box["State"]["Status"] in ("dead", "removing"):
            raise refused(409, "container is marked for removal and cannot be started")
        if box["State"]["Status"] == "running":
            return
        for name, endpoint in box["NetworkSettings"]["Networks"].items():
            net = self.nets.get(endpoint["NetworkID"]) if endpoint["NetworkID"] else self.net(name)
            if net is None:
                raise refused(404, f"network {endpoint['NetworkID'] or name} not found")
            self._plug(box, net, endpoint)
        box["State"].update(Status="running", StartedAt="2026-01-01T00:00:00.0Z")
        # the engine writes the file anew at each start
        addresses = [item["IPAddress"] for item in box["NetworkSettings"]["Networks"].values()]
        box["hosts"] = "127.0.0.1\tlocalhost\n" + "".join(
            f"{address}\t{box['Config']['Hostname']}\n" for address in addresses
        )

    def do_stop(self, ident: str, timeout: int = 10) -> None:
        box = self._box(ident)
        box["State"].update(Status="exited", ExitCode=130)
        for endpoint in box["NetworkSettings"]["Networks"].values():
            endpoint["IPAddress"] = ""

    def do_wait(self, ident: str, **_kwargs: Any) -> dict[str, int]:
        return {"StatusCode": 0}

    def do_pause(self, ident: str) -> None:
        self._box(ident)["State"]["Status"] = "paused"

    def do_unpause(self, ident: str) -> None:
        if self._box(ident)["State"]["Status"] != "paused":
            raise refused(409, f"Container {ident} is not paused")
        self._box(ident)["State"]["Status"] = "running"

    def do_remove_container(self, ident: str, v: bool = False, force: bool = False) -> None:
        if self._box(ident)["State"]["Status"] in ("running", "paused") and not force:
            raise refused(409, "You cannot remove a running container")
        del self.boxes[ident]

    def update_container(self, ident: str, body: dict[str, Any]) -> None:
        self.calls.append(("update_container", (ident, body)))
        host = self._box(ident)["HostConfig"]
        memory = body.get("Memory", host["Memory"])
        swap = body.get("MemorySwap", host["MemorySwap"])
        if memory and swap and memory > swap:
            raise refused(409, "Memory limit should be smaller than already set memoryswap limit")
        for key, value in body.items():
            # 0 means "leave as it is" to the engine
            if value != 0:
                host[key] = copy.deepcopy(value)

    # -- networks

    def do_connect_container_to_network(self, ident: str, network: str, **words: Any) -> None:
        box, net = self._box(ident), self._net(network)
        networks = box["NetworkSettings"]["Networks"]
        if net["Name"] in networks:
            raise refused(403, f"endpoint with name {box['Name']} already exists in network {net['Name']}")
        asked = {"IPv4Address": words["ipv4_address"]} if words.get("ipv4_address") else None
        endpoint = _endpoint({"IPAMConfig": asked, "Aliases": words.get("aliases")})
        if box["State"]["Status"] in ("running", "paused"):
            self._plug(box, net, endpoint)
        networks[net["Name"]] = endpoint

    def do_disconnect_container_from_network(self, ident: str, network: str, force: bool = False) -> None:
        # By name or id; where the network is gone, a stopped container lets go of the name.
        box = self._box(ident)
        found = self.nets.get(network) or self.net(network)
        name = str(found["Name"]) if found else network
        if box["NetworkSettings"]["Networks"].pop(name, None) is None:
            raise refused(500, f"container {ident} is not connected to network {name}")

    def do_create_network(self, name: str, driver: str, options: Any, ipam: Any, labels: Any, **_kw: Any) -> Any:
        if self.net(name):
            raise refused(409, f"network with name {name} already exists")
        config = (ipam or {}).get("Config") or [{"Subnet": f"172.30.{len(self.nets)}.0/24"}]
        for pool in config:
            for other in (item for net in self.nets.values() for item in net["IPAM"]["Config"]):
                if ipaddress.ip_network(pool["Subnet"]).overlaps(ipaddress.ip_network(other["Subnet"])):
                    raise refused(403, "Pool overlaps with other one on this address space")
        ident = self._next("n")
        self.nets[ident] = {
            "Id": ident, "Name": name, "Driver": driver, "EnableIPv6": False, "Labels": dict(labels or {}),
            "Options": dict(options or {}), "IPAM": {"Driver": "default", "Config": copy.deepcopy(config)},
        }  # fmt: skip
        return {"Id": ident}

    def do_remove_network(self, ident: str) -> None:
        net = self._net(ident)
        if self._attached(net["Id"]):
            raise refused(403, f"error while removing network: network {net['Name']} has active endpoints")
        del self.nets[net["Id"]]

    def do_create_volume(self, name: str, labels: Any = None) -> None:
        self.volumes[name] = {"Name": name, "Labels": dict(labels or {})}

    def do_volumes(self, filters: Any) -> dict[str, Any]:
        (wanted,) = filters["label"]
        key, _sign, value = wanted.partition("=")
        return {"Volumes": [one for one in self.volumes.values() if one["Labels"].get(key) == value] or None}

    def do_remove_volume(self, name: str) -> None:
        del self.volumes[name]

    # -- inside

    def _next(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count:04d}"

    def _box(self, ident: str) -> dict[str, Any]:
        if ident not in self.boxes:
            raise refused(404, f"No such container: {ident}")
        return self.boxes[ident]

    def _net(self, ident: str) -> dict[str, Any]:
        found = self.nets.get(ident) or self.net(ident)
        if found is None:
            raise refused(404, f"network {ident} not found")
        return found

    def _attached(self, ident: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        return [
            (key, box, endpoint)
            for key, box in self.boxes.items()
            for endpoint in box["NetworkSettings"]["Networks"].values()
            if endpoint["NetworkID"] == ident and endpoint["IPAddress"]
        ]

    def _plug(self, box: dict[str, Any], net: dict[str, Any], endpoint: dict[str, Any]) -> None:
        subnet = ipaddress.ip_network(net["IPAM"]["Config"][0]["Subnet"])
        taken = {other["IPAddress"] for _key, _box, other in self._attached(net["Id"])}
        asked = (endpoint["IPAMConfig"] or {}).get("IPv4Address", "")
        if asked in taken:
            raise refused(403, "Address already in use")
        if asked and ipaddress.ip_address(asked) not in subnet:
            raise refused(400, "invalid address: it does not belong to any of this network's subnets")
        free = (str(host) for host in list(subnet.hosts())[1:] if str(host) not in taken)
        endpoint.update(NetworkID=net["Id"], IPAddress=asked or next(free))


def _endpoint(config: dict[str, Any]) -> dict[str, Any]:
    ipam = config.get("IPAMConfig")
    return {"NetworkID": "", "IPAddress": "", "IPAMConfig": ipam, "Aliases": config.get("Aliases")}
