# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that this collection made: which, how large, who uses them, which may go."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Collection, Mapping, Optional, Sequence

from .._address import Address
from .._client import Daemon, connect
from .._entry import Run
from .._errors import DaemonError
from .model import CREATED_BY, LABEL, LABEL_PROBE, LABEL_SOURCE

CLUSTER_LABEL = "Cluster"


@dataclass(frozen=True)
class OurImage:
    """One image of ours; an untagged one (an older build) has no names."""

    image_id: str
    names: tuple[str, ...]
    source: str
    size: int
    since: float
    layers: tuple[str, ...]
    clusters: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    base_of: tuple[str, ...] = ()

    @property
    def used(self) -> bool:
        return bool(self.containers or self.base_of)

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self), used=self.used)


def ours(daemon: Daemon) -> list[OurImage]:
    """Every image of ours, the largest first."""
    listed = daemon.call("images", filters={"label": LABEL})
    seen = [image for image in (_inspect(daemon, item["Id"]) for item in listed) if image]
    seen = [image for image in seen if not pulled(image) and made_here(daemon.call("history", image["Id"]))]
    containers = daemon.call("containers", all=True)
    everything = {item["Id"] for item in daemon.call("images")} | {item["ImageID"] for item in containers}
    theirs = everything - {image["Id"] for image in seen}
    inspected = [*seen, *(found for found in (_inspect(daemon, ident) for ident in sorted(theirs)) if found)]
    found = [summary(image, containers, inspected, theirs) for image in seen]
    return sorted(found, key=lambda image: (-image.size, image.names))


def _inspect(daemon: Daemon, ident: str) -> Optional[dict[str, Any]]:
    try:
        return dict(daemon.call("inspect_image", ident))
    except DaemonError as error:
        if error.status == 404:
            return None
        raise


def made_here(history: Sequence[Mapping[str, Any]]) -> bool:
    """Its last step is ours. What others build on an image of ours inherits its labels, and is theirs."""
    last = str(history[0].get("CreatedBy") or "") if history else ""
    return last.startswith(CREATED_BY) or bool(re.search(rf"\bLABEL {re.escape(LABEL)}[.=]", last))


def pulled(image: Mapping[str, Any]) -> bool:
    """It came from a registry, or went to one. With containerd's store an image's own id stands among the digests."""
    digests = (str(one).rpartition("@")[2] for one in image.get("RepoDigests") or ())
    return any(digest != image["Id"] for digest in digests)


def summary(
    image: Mapping[str, Any], containers: Sequence[Any], images: Sequence[Any], theirs: Collection[str] = ()
) -> OurImage:
    """One image, with who uses it: containers, and images in use, or of others, that were built on top of it. Pure."""
    using = [
        one for one in containers if one["ImageID"] == image["Id"] and LABEL_PROBE not in (one.get("Labels") or {})
    ]
    in_use = {*theirs, *(one["ImageID"] for one in containers)}
    layers = list(image["RootFS"]["Layers"])
    above = [_name(other) for other in images if other["Id"] in in_use and _built_on(other, layers)]
    labels = [one.get("Labels") or {} for one in using]
    return OurImage(
        image_id=image["Id"],
        names=tuple(image.get("RepoTags") or ()),
        source=str((image["Config"].get("Labels") or {}).get(LABEL_SOURCE, "")),
        size=int(image.get("Size") or 0),
        since=since(image),
        layers=tuple(layers),
        clusters=tuple(sorted({one[CLUSTER_LABEL] for one in labels if CLUSTER_LABEL in one})),
        containers=tuple(sorted(one["Names"][0].lstrip("/") for one in using)),
        base_of=tuple(sorted(set(above))),
    )


def _built_on(image: Mapping[str, Any], layers: list[str]) -> bool:
    own = list(image["RootFS"]["Layers"])
    return len(own) > len(layers) and own[: len(layers)] == layers


def _name(image: Mapping[str, Any]) -> str:
    return str((image.get("RepoTags") or [image["Id"]])[0])


def since(image: Mapping[str, Any]) -> float:
    """When the image came to this engine; a bootstrapped one says of itself when its archive was published."""
    for text in ((image.get("Metadata") or {}).get("LastTagTime"), image.get("Created")):
        try:
            moment = datetime.strptime(str(text)[:19], "%Y-%m-%dT%H:%M:%S")
        except ValueError:
            continue
        if moment.year > 1:
            return moment.timestamp()
    return 0.0


def table(images: Sequence[OurImage], now: float) -> str:
    """For people."""
    if not images:
        return "No image of ours is on this engine."
    rows = [("IMAGE", "SOURCE", "SIZE", "AGE", "USED BY")]
    for image in images:
        used = ", ".join(image.clusters) or (f"{len(image.containers)} containers" if image.containers else "")
        used = used or (f"base of {image.base_of[0]}" if image.base_of else "-")
        names = image.names or (image.image_id[7:19],)
        rows.append((", ".join(names), image.source, f"{image.size / 1e6:.0f} MB", age(now - image.since), used))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]) for row in rows)


def age(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return "just now"


def info_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """guest_image_info."""
    with connect(Address.from_params(params)) as daemon:
        images = ours(daemon)
    return {"changed": False, "images": [image.as_dict() for image in images], "report": table(images, time.time())}


def remove(daemon: Daemon, image: OurImage) -> bool:
    """Every name of the image, and so the image; False when somebody has begun to use it meanwhile."""
    for name in image.names or (image.image_id,):
        try:
            daemon.call("remove_image", name, force=False)
        except DaemonError as error:
            if error.status == 409:
                return False
            if error.status != 404:
                raise
    return True


def prune_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """guest_image_prune: only ours, and only what nothing uses."""
    with connect(Address.from_params(params)) as daemon:
        images = ours(daemon)
        chosen = [image for image in images if not image.used]
        if not run.check_mode:
            chosen = [image for image in chosen if remove(daemon, image)]
    kept = [image for image in images if image not in chosen]
    shown = {"removed": [image.as_dict() for image in chosen], "kept": [image.as_dict() for image in kept]}
    freed = sum(image.size for image in chosen)
    what = "1 unused image" if len(chosen) == 1 else f"{len(chosen)} unused images"
    said = f"{'To remove' if run.check_mode else 'Removed'}: {what} ({freed / 1e6:.0f} MB)."
    result = {"changed": bool(chosen), **shown, "report": f"{said}\n{table(kept, time.time())}"}
    if run.diff_mode:
        result["diff"] = {
            "before": "".join(f"image {(one.names or (one.image_id,))[0]}\n" for one in chosen),
            "after": "",
        }
    return result
