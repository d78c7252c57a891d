# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench BENCH_ARGS=--hosts`: the same nodes over several engines and on one, all engines on this machine.

The engines are those of tests/integration/several_hosts/rig.sh, the image is in each, the Swarm is formed before the
clock starts. The one engine is one of them, so that both sides pay the same for living in namespaces.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Callable, Mapping

import yaml
from processes import Failed, Sample, run
from report import Target
from subjects import TOP, Ours

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import timeline
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig, why_not

NODES_A_HOST = 4
GOALS = tuple(
    Target(
        f"provision {count * NODES_A_HOST} nodes over {count} hosts, cold",
        f"1.3 x the same {count * NODES_A_HOST} on one engine + 3 s",
        lambda m, c=count: m[f"provision/{c} hosts x {NODES_A_HOST}/tpaexec"],  # type: ignore[misc]
        lambda m, c=count: 1.3 * m[f"provision/1 host x {c * NODES_A_HOST}/tpaexec"] + 3,  # type: ignore[misc]
    )
    for count in (3, 6)
)


class OverHosts(Ours):
    """*count* nodes in turn over *hosts* of a rig; with one host, by DOCKER_HOST alone."""

    def __init__(self, work: Path, rig: Rig, hosts: int, count: int, image: str, subnet_prefix: str) -> None:
        self.rig, self.hosts = rig, rig.hosts[:hosts]
        super().__init__(work / f"h{hosts}", count, image, subnet_prefix)

    def write_config(self, count: int) -> None:
        super().write_config(count)
        if len(self.hosts) == 1:
            return
        path = self.directory / "config.yml"
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        config["tpaexec_docker"] = {
            "hosts": self.rig.mapping(),
            "instances": {self.node(n): {"host": self.hosts[(n - 1) % len(self.hosts)]} for n in range(1, count + 1)},
        }
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def word(self, *words: str) -> Sample:
        only = {"DOCKER_HOST": self.rig.socket("h1")} if len(self.hosts) == 1 else {}
        return run([TOP / "bin" / "tpaexec", words[0], self.directory, *words[1:]], only)

    def slowest(self) -> tuple[str, float]:
        """The step of the last provision that took longest, and its seconds."""
        last = timeline.read(str(self.directory / ".tpaexec-docker"))
        if not last or not last["steps"]:
            raise Failed(f"{self.directory} keeps no steps of its provision")
        worst = max(last["steps"], key=lambda step: float(step["seconds"]))
        return str(worst["step"]), float(worst["seconds"])


def growth(values: Mapping[str, float]) -> list[str]:
    """What one node more costs, over hosts and on one, between the smallest and the largest measured."""
    remarks = []
    for kind in ("hosts x", "host x"):
        sizes = {}
        for key, value in values.items():
            action, name, *_rest = [*key.split("/"), ""]
            if action == "provision" and f" {kind} " in name:
                hosts, nodes = (int(word) for word in name.split(f" {kind} "))
                sizes[hosts * nodes] = value
        if len(sizes) > 1:
            low, high = min(sizes), max(sizes)
            more = (sizes[high] - sizes[low]) / (high - low)
            remarks.append(f"{'over hosts' if kind == 'hosts x' else 'on one host'}: {more:.3f} s a node more")
    return remarks


def measure(take: Callable[[str, Callable[[], Sample]], None], work: Path, options: Any) -> list[str]:
    """Rounds for each number of hosts; returns remarks. Raises Failed where there can be no rig."""
    if why_not():
        raise Failed(why_not())
    remarks = []
    for hosts in options.hosts or (3, 6):
        with Rig(hosts, options.image) as rig:
            rig.form_swarm()
            rig.await_managers()
            remarks += _rounds(take, work, rig, options)
    return remarks


def _rounds(take: Callable[[str, Callable[[], Sample]], None], work: Path, rig: Rig, options: Any) -> list[str]:
    count = rig.count * NODES_A_HOST
    several = OverHosts(work, rig, rig.count, count, options.image, f"{options.subnets}.{10 + rig.count}")
    one = OverHosts(work, rig, 1, count, options.image, f"{options.subnets}.{20 + rig.count}")
    names = {id(several): f"{rig.count} hosts x {NODES_A_HOST}", id(one): f"1 host x {count}"}
    slowest: dict[str, Counter[str]] = {name: Counter() for name in names.values()}
    seconds: dict[str, list[float]] = {name: [] for name in names.values()}
    for number in range(options.rounds):
        print(f"-- {rig.count} hosts, round {number + 1} of {options.rounds}", flush=True)
        for subject in (several, one) if number % 2 == 0 else (one, several):
            name = names[id(subject)]
            take(f"provision/{name}/tpaexec", subject.provision)
            step, took = subject.slowest()
            slowest[name][step] += 1
            seconds[name].append(took)
            take(f"rerun/{name}/tpaexec", subject.provision)
            take(f"deprovision/{name}/tpaexec", lambda subject=subject: subject.word("deprovision"))  # type: ignore[misc]
    return [
        f"{name}: slowest step {slowest[name].most_common(1)[0][0]}, {max(seconds[name]):.1f} s at most"
        for name in names.values()
    ]
