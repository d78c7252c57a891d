# SPDX-License-Identifier: GPL-3.0-or-later
"""The only parser of image names: `registry/repository:tag@digest`, as the Docker command reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .problems import BadValue, show

DEFAULT_REGISTRY = "docker.io"
HUB_ALIASES = (DEFAULT_REGISTRY, "index.docker.io", "registry.hub.docker.com", "registry-1.docker.io")
LONGEST_REPOSITORY = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageName:
    """A parsed image name. Empty parts were not written; `str()` gives back what was parsed."""

    repository: str
    registry: str = ""
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Raises BadValue, saying which part is wrong. An image id (`sha256:…`) is no name and is refused."""
        if not isinstance(text, str) or not text:
            raise BadValue(f"An image name is needed, not {show(text)}.", "For example centos/systemd or debian:12.")
        if re.fullmatch(r"(sha256:)?[0-9a-f]{64}", text):
            raise BadValue("An image id is no image name.", "Tag it: docker tag ID NAME:TAG, and write NAME:TAG.")
        rest, _at, digest = text.partition("@")
        head, slash, last = rest.rpartition("/")
        last, colon, tag = last.partition(":")
        registry, repository = _split_registry(f"{head}{slash}{last}")
        name = cls(repository, registry, tag, digest)
        name._check(text, wrote_tag=bool(colon), wrote_digest=bool(_at))
        return name

    def _check(self, text: str, wrote_tag: bool, wrote_digest: bool) -> None:
        bad = f"{show(text)} is no image name: "
        if self.registry and not _REGISTRY.fullmatch(self.registry):
            raise BadValue(f"{bad}the registry {show(self.registry)} is malformed.", "Write HOST or HOST:PORT.")
        if self.repository != self.repository.lower():
            raise BadValue(f"{bad}the repository has capital letters.", "A repository is in lower case.")
        if not _REPOSITORY.fullmatch(self.repository) or len(self.repository) > LONGEST_REPOSITORY:
            raise BadValue(f"{bad}the repository {show(self.repository)} is malformed.", "Write [REGISTRY/]NAME[:TAG].")
        if wrote_tag and not _TAG.fullmatch(self.tag):
            raise BadValue(f"{bad}the tag {show(self.tag)} is malformed.", "Letters, digits, `_`, `.` and `-`.")
        if wrote_digest and not _DIGEST.fullmatch(self.digest):
            raise BadValue(f"{bad}the digest {show(self.digest)} is malformed.", "Write sha256: and 64 hex digits.")

    def __str__(self) -> str:
        path = f"{self.registry}/{self.repository}" if self.registry else self.repository
        return path + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def normalize(self) -> ImageName:
        """The full name: with the registry, `library/` for the Hub's own, and `latest` where nothing is said."""
        registry = DEFAULT_REGISTRY if not self.registry or self.registry in HUB_ALIASES else self.registry
        repository = self.repository
        if registry == DEFAULT_REGISTRY and "/" not in repository:
            repository = f"library/{repository}"
        return ImageName(repository, registry, self.tag or ("" if self.digest else "latest"), self.digest)

    def familiar(self) -> str:
        """The short name that the engine lists: `docker.io/library/debian:12` is `debian:12`."""
        full = self.normalize()
        if full.registry != DEFAULT_REGISTRY:
            return str(full)
        short = full.repository[len("library/") :] if full.repository.startswith("library/") else full.repository
        return str(replace(full, registry="", repository=short))


def _split_registry(path: str) -> tuple[str, str]:
    """The part before the first slash is a registry if it looks like a host: a dot, a port, `localhost`, a capital."""
    first, slash, rest = path.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return first, rest
    return "", path
