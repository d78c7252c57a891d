# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine of a few lines: images by name, file systems as dictionaries."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from typing import Any

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError


def not_found(name: str) -> DaemonError:
    return DaemonError(f"The Docker daemon refused: No such image: {name}.", status=404)


class Reply:
    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status_code = status
        self.headers = headers


class FakeApi:
    """The two things of the SDK that are used beside its methods."""

    timeout = 60

    def __init__(self, daemon: FakeDaemon) -> None:
        self.daemon = daemon

    @staticmethod
    def _url(template: str, *words: str) -> str:
        return template.format(*words)

    def head(self, url: str, params: dict[str, str], timeout: int) -> Reply:
        path = params["path"]
        files = self.daemon.files
        if path not in files and not any(name.startswith(f"{path}/") for name in files):
            return Reply(404, {})
        value = files.get(path)
        seen = {"size": len(value) if isinstance(value, bytes) else 0, "mode": 0 if path in files else 1 << 31}
        seen["linkTarget"] = value if isinstance(value, str) else ""
        return Reply(200, {"X-Docker-Container-Path-Stat": base64.b64encode(json.dumps(seen).encode()).decode()})


class FakeDaemon:
    """`images`: name → what inspect says. `files`: path → content, or the target of a link."""

    def __init__(self, images: dict[str, Any], files: dict[str, Any] | None = None) -> None:
        self.images = images
        self.files = files or {}
        self.calls: list[str] = []
        self.containers: list[dict[str, Any]] = []
        self.address = Address()
        self.api = FakeApi(self)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(method)
        return getattr(self, f"_{method}")(*args, **kwargs)

    def guard(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    def _inspect_image(self, name: str) -> Any:
        if name not in self.images:
            raise not_found(name)
        return self.images[name]

    def _containers(self, **kwargs: Any) -> list[dict[str, Any]]:
        return self.containers

    def _create_container(self, image: str, **kwargs: Any) -> dict[str, str]:
        self.created = dict(kwargs, image=image)
        return {"Id": "probe"}

    def _remove_container(self, container: str, **kwargs: Any) -> None:
        self.removed = container

    def _get_archive(self, container: str, path: str) -> Any:
        wanted = {name: value for name, value in self.files.items() if name == path or name.startswith(f"{path}/")}
        if not wanted:
            raise not_found(path)
        top = path.rpartition("/")[0]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, value in wanted.items():
                member = tarfile.TarInfo(name[len(top) + 1 :])
                if isinstance(value, str):
                    member.type, member.linkname = tarfile.SYMTYPE, value
                    tar.addfile(member)
                else:
                    member.size = len(value)
                    tar.addfile(member, io.BytesIO(value))
        data = buffer.getvalue()
        return (data[start : start + 1000] for start in range(0, len(data), 1000)), {}
