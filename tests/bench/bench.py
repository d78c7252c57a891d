# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast, beside the plain SDK: `make bench`. docs/bench.md says what the rows mean.

Rounds are interleaved: within each, every subject has its turn, in an order that changes from round to round, so that
whatever else the machine does hits all of them alike.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable, Iterator

import docker
from limits import raised_inotify
from picture import picture
from processes import Failed, Sample
from report import GOALS, TARGETS, as_data, judged, medians, table, verdicts
from subjects import ROLES, TOP, Compose, Ours, Plain, empty_playbook, find_compose, recipe_of

SIZES, USUAL, POOLS = [1, 3, 8, 16, 32, 64], 16, [2, 4, 8, 16]


class Bench:
    """One run: collects samples under `action/size/subject`, in the order in which they first came."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options = options
        self.work = work
        self.samples: dict[str, list[Sample]] = {}
        self.compose = None if options.no_compose else find_compose()
        # What else is done with a cluster, and the pools, are looked at with sixteen nodes.
        self.usual = USUAL if USUAL in options.sizes else max(options.sizes)
        self.subjects: list[Any] = []
        self.remarks: list[str] = []
        self.targets, self.goals = TARGETS, GOALS

    def take(self, key: str, action: Callable[[], Sample]) -> None:
        sample = action()
        self.samples.setdefault(key, []).append(sample)
        print(f"   {key:<42}{sample.seconds:8.2f}s", flush=True)

    def prefix(self, number: int) -> str:
        return f"{self.options.subnets}.{number}"

    def rounds(self) -> None:
        for number in range(self.options.rounds):
            print(f"-- round {number + 1} of {self.options.rounds}", flush=True)
            self.take("empty playbook", lambda: empty_playbook(self.work))
            for size in self.options.sizes:
                self.size(size, number)

    def size(self, size: int, number: int) -> None:
        """Ours, then the others at what ours showed to be the recipe; the other way round in every second round."""
        ours = Ours(self.work, size, self.options.image, self.prefix(1))
        self.subjects.append(ours)
        recipe_path = self.work / "recipe.json"
        turns: list[Callable[[], None]] = [
            lambda: self.ours(ours, recipe_path),
            lambda: self.others(size, recipe_path),
        ]
        for turn in turns if number % 2 == 0 or not recipe_path.exists() else reversed(turns):
            turn()

    def ours(self, ours: Ours, recipe_path: Path) -> None:
        size = ours.count
        self.take(f"provision/{size}/tpaexec", ours.provision)
        if not recipe_path.exists():
            recipe_path.write_text(json.dumps(recipe_of(ours)), encoding="utf-8")
        self.take(f"rerun/{size}/tpaexec", ours.provision)
        if size == self.usual:
            self.life(ours)
        self.take(f"deprovision/{size}/tpaexec", lambda: ours.word("deprovision"))

    def life(self, ours: Ours) -> None:
        """What else is done with a cluster, at the usual size."""
        size = ours.count
        self.take(f"read config.yml/{size}/tpaexec", lambda: ours.checks(""))
        self.take(f"and check/{size}/tpaexec", lambda: ours.checks(ROLES))
        self.take(f"ping/{size}/tpaexec", lambda: ours.word("ping"))
        self.take(f"ping/{size}/ansible -m ping", ours.ansible_ping)
        self.take(f"stop/{size}/tpaexec", lambda: ours.word("stop-containers"))
        self.take(f"start/{size}/tpaexec", lambda: ours.word("start-containers"))
        ours.write_config(size + 1)
        self.take(f"add one/{size}/tpaexec", ours.provision)

    def others(self, size: int, recipe_path: Path) -> None:
        recipe = json.loads(recipe_path.read_text(encoding="utf-8"))
        plain = Plain(self.work, size, self.options.plain_pool, recipe, self.prefix(2))
        others: list[Any] = [plain]
        if self.compose:
            others.append(Compose(self.work, plain, self.compose))
        for subject in others:
            self.subjects.append(subject)
            self.take(f"provision/{size}/{subject.name}", subject.up)
            self.take(f"deprovision/{size}/{subject.name}", subject.down)

    def pools(self) -> None:
        """The usual size, cold, at several sizes of the pool."""
        recipe = json.loads((self.work / "recipe.json").read_text(encoding="utf-8"))
        ours = Ours(self.work, self.usual, self.options.image, self.prefix(1))
        self.subjects.append(ours)
        for number in range(self.options.rounds):
            print(f"-- pools, round {number + 1} of {self.options.rounds}", flush=True)
            for pool in self.options.pools:
                ours.write_config(self.usual)
                self.take(f"pool {pool}/{self.usual}/tpaexec", lambda pool=pool: ours.provision_with(pool))
                ours.word("deprovision")
                plain = Plain(self.work, self.usual, pool, recipe, self.prefix(2))
                self.subjects.append(plain)
                self.take(f"pool {pool}/{self.usual}/plain SDK", plain.up)
                plain.down()

    def clean(self) -> None:
        for subject in {id(item): item for item in self.subjects}.values():
            subject.clean()


def machine() -> dict[str, Any]:
    client = docker.from_env()
    info, engine = client.info(), client.version()
    return {
        "cpus": os.cpu_count(),
        "memory_gib": round(info["MemTotal"] / 2**30, 1),
        "kernel": platform.release(),
        "engine": engine["Version"],
        "storage_driver": info["Driver"],
        "cgroup_version": info.get("CgroupVersion"),
        "running_containers_before": info["ContainersRunning"],
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "docker_sdk": version("docker"),
        "date": time.strftime("%Y-%m-%d"),
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench BENCH_ARGS=", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default 3; medians are of these")
    parser.add_argument("--sizes", type=int, nargs="+", default=None, metavar="NODES",
                        help="default 1 3 8 16 32 64")  # fmt: skip
    parser.add_argument("--pools", type=int, nargs="*", default=None, metavar="N",
                        help="try these pool sizes; default 2 4 8 16")  # fmt: skip
    parser.add_argument("--plain-pool", type=int, default=8, metavar="N", help="of the plain program; default 8")
    parser.add_argument(
        "--hosts",
        type=int,
        nargs="*",
        metavar="N",
        help="measure N Docker hosts of this machine (default 3 6) against one with as many nodes, and nothing else",
    )
    parser.add_argument("--quick", action="store_true", help="one round: a smoke test, no measurement")
    parser.add_argument("--no-compose", action="store_true", help="leave docker compose out")
    parser.add_argument("--image", default=os.environ.get("TPAEXEC_TEST_IMAGE", "tpaexec/debian-systemd:12"))
    parser.add_argument("--subnets", default="10.187", metavar="A.B", help="first half of the networks; default 10.187")
    parser.add_argument("--output", type=Path, default=TOP / "build" / "bench.json", metavar="FILE")
    parser.add_argument("--picture", type=Path, metavar="FILE",
                        help="default docs/images/bench.svg; build/bench.svg where less is measured")  # fmt: skip
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = 1
    options.sizes = options.sizes or (SIZES[1:4] if options.quick else SIZES)
    options.pools = ([] if options.quick else POOLS) if options.pools is None else options.pools
    if options.picture is None:
        whole = not options.quick and len(options.sizes) > 2
        options.picture = TOP / "docs" / "images" / "bench.svg" if whole else TOP / "build" / "bench.svg"
    return options


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, so that what was made is removed and the kernel's limit restored."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def measure(options: argparse.Namespace, work: Path) -> Bench:
    bench = Bench(options, work)
    if options.hosts is not None:
        import hosts  # noqa: PLC0415 - it needs the rig of the tests

        bench.targets, bench.goals = (), hosts.GOALS
        bench.remarks = hosts.measure(bench.take, work, options)
        bench.remarks += hosts.growth(medians(bench.samples))
        return bench
    try:
        bench.rounds()
        if options.pools:
            bench.pools()
    finally:
        bench.clean()
    return bench


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    started = time.monotonic()
    seen = machine()
    work = Path(tempfile.mkdtemp(prefix="tpaexec-bench-"))
    try:
        with ended_by_signals(), raised_inotify() as remark:
            print(f"-- {remark}", flush=True)
            bench = measure(options, work)
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(work, ignore_errors=True)
    remarks = [remark, f"pool of the plain program: {options.plain_pool}", f"rounds: {options.rounds}"]
    remarks.append(f"compose: {' '.join(bench.compose) if bench.compose else 'not installed, not measured'}")
    remarks += bench.remarks
    data = as_data(
        bench.samples, {**seen, "bench_seconds": round(time.monotonic() - started)}, remarks, bench.targets, bench.goals
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    drawn = picture(data)
    if drawn:
        options.picture.parent.mkdir(parents=True, exist_ok=True)
        options.picture.write_text(drawn, encoding="utf-8")
    show(bench, options, remarks)
    return 1 if any(row["result"] == "FAIL" for row in data["targets"]) else 0


def show(bench: Bench, options: argparse.Namespace, remarks: list[str]) -> None:
    values = medians(bench.samples)
    print(f"\n{table(bench.samples)}\n")
    print("\n".join(f"-- {remark}" for remark in remarks))
    if bench.targets:
        print(f"Targets\n{verdicts(judged(bench.targets, values))}")
    print(f"Further goals\n{verdicts(judged(bench.goals, values))}")
    print(f"-- written: {options.output}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
