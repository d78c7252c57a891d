# SPDX-License-Identifier: GPL-3.0-or-later
"""A rig that outlives the process that made it, for molecule, whose steps are processes of their own.

    detached.py FILE up COUNT IMAGE    makes the hosts, forms their Swarm; prints `tpaexec_docker.hosts` as JSON
    detached.py FILE kill|boot HOST    a power failure; a boot, until the Swarm is whole again
    detached.py FILE down              everything away again
    detached.py FILE why-not           why there can be none on this machine; nothing where there can

FILE remembers which rig it is. The hosts hold the rig's slot, so that it is free again when the last of them is dead.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig, why_not


def up(file: Path, count: int, image: str) -> None:
    down(file)
    rig = Rig(count, image)
    rig.kept = True
    rig.__enter__()
    mark = str(uuid.uuid4())
    (rig.home / "state" / "detached").write_text(mark)
    file.write_text(json.dumps({"slot": rig.slot, "count": count, "image": image, "mark": mark}))
    rig.form_swarm()
    rig.await_managers()
    print(json.dumps(rig.mapping()))


def there(file: Path) -> Rig | None:
    """The rig that FILE means, unless its slot has been taken by another since."""
    if not file.exists():
        return None
    said = json.loads(file.read_text())
    rig = Rig(said["count"], said["image"]).attach(said["slot"])
    mark = rig.home / "state" / "detached"
    return rig if mark.exists() and mark.read_text() == said["mark"] else None


def down(file: Path) -> None:
    rig = there(file)
    if rig:
        rig.call("down")
    file.unlink(missing_ok=True)


def main(file: Path, word: str, *words: str) -> None:
    if word == "why-not":
        print(why_not())
    elif word == "up":
        up(file, int(words[0]), words[1])
    elif word == "down":
        down(file)
    else:
        rig = there(file)
        if not rig:
            raise SystemExit(f"there are no hosts of {file}")
        {"kill": rig.kill, "boot": rig.boot}[word](words[0])
        if word == "boot":
            rig.await_managers()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
