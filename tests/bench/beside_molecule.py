# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule with nodes of this collection, beside the docker driver of molecule-plugins, on the same eight platforms.

    beside_molecule.py [--rounds N] [--platforms N] [--image NAME] [--output FILE]

Rounds are interleaved. `converge` is one task on every node: it waits until systemd has booted, which the driver's
`create` does not, and ours does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import docker
import yaml
from processes import Failed, Sample, run

TOP = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
STEPS = ("create", "converge", "destroy")
CONVERGE = """\
- name: Converge
  hosts: all
  gather_facts: false
  tasks:
    - name: Wait until systemd has booted
      ansible.builtin.command: systemctl is-system-running --wait
      register: booted
      changed_when: false
      failed_when: booted.stdout not in ['running', 'degraded']
"""


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(1, count + 1)]


def ours(image: str, count: int) -> dict[str, Any]:
    """As docs/molecule.md says it."""
    options = {
        "managed": False,
        "login_cmd_template": "docker exec -it {instance} bash --login",
        "ansible_connection_options": {"ansible_connection": "tpaexec.docker.docker_api"},
    }
    platforms = [{"name": name, "image": image} for name in names("bench-mol-ours", count)]
    return {"driver": {"name": "default", "options": options}, "platforms": platforms}


def driver(image: str, count: int) -> dict[str, Any]:
    """What molecule-plugins' docker driver has to be told so that systemd boots, on this host's cgroups."""
    mode = "ro" if docker.from_env().info().get("CgroupVersion") == "1" else "rw"
    systemd = {
        "image": image,
        "pre_build_image": True,
        "command": "/sbin/init",
        "override_command": False,
        "cgroupns_mode": "host",
        "tmpfs": ["/run", "/run/lock", "/tmp"],
        "volumes": [f"/sys/fs/cgroup:/sys/fs/cgroup:{mode}"],
    }
    platforms = [{"name": name, **systemd} for name in names("bench-mol-driver", count)]
    return {"driver": {"name": "docker"}, "platforms": platforms}


def write(directory: Path, config: dict[str, Any]) -> Path:
    """A role with one scenario; returns the role's directory."""
    scenario = directory / "molecule" / "default"
    scenario.mkdir(parents=True)
    common = {
        "prerun": False,
        "dependency": {"name": "galaxy", "enabled": False},
        "provisioner": {
            "name": "ansible",
            "config_options": {"defaults": {"interpreter_python": "/usr/bin/python3", "forks": 8}},
        },
    }
    (scenario / "molecule.yml").write_text(yaml.safe_dump({**config, **common}), encoding="utf-8")
    (scenario / "converge.yml").write_text(CONVERGE, encoding="utf-8")
    if config["driver"]["name"] == "default":
        for word in ("create", "destroy"):
            text = f"- ansible.builtin.import_playbook: tpaexec.docker.molecule_{word}\n"
            (scenario / f"{word}.yml").write_text(text, encoding="utf-8")
    return directory


def measure(subjects: dict[str, Path], rounds: int, work: Path) -> dict[str, dict[str, list[Sample]]]:
    found: dict[str, dict[str, list[Sample]]] = {name: {step: [] for step in STEPS} for name in subjects}
    for number in range(rounds):
        print(f"-- round {number + 1} of {rounds}", flush=True)
        for name in list(subjects) if number % 2 == 0 else list(reversed(subjects)):
            environment = {
                "PATH": f"{BIN}:{os.environ['PATH']}",
                "MOLECULE_EPHEMERAL_DIRECTORY": str(work / f"ephemeral-{subjects[name].name}"),
            }
            try:
                for step in STEPS:
                    sample = run([BIN / "molecule", step], environment, cwd=str(subjects[name]))
                    found[name][step].append(sample)
                    print(f"   {step:<10}{name:<28}{sample.seconds:8.2f}s", flush=True)
            except Failed:
                run([BIN / "molecule", "destroy"], environment, cwd=str(subjects[name]))
                raise
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--platforms", type=int, default=8, metavar="N")
    parser.add_argument("--image", default=os.environ.get("TPAEXEC_TEST_IMAGE", "tpaexec/debian-systemd:12"))
    parser.add_argument("--output", type=Path, default=TOP / "build" / "bench-molecule.json", metavar="FILE")
    options = parser.parse_args(arguments)
    plugins = f"molecule-plugins {version('molecule-plugins')}"
    with tempfile.TemporaryDirectory(prefix="tpaexec-bench-mol-") as place:
        work = Path(place)
        subjects = {
            "tpaexec.docker": write(work / "ours", ours(options.image, options.platforms)),
            plugins: write(work / "driver", driver(options.image, options.platforms)),
        }
        try:
            found = measure(subjects, options.rounds, work)
        except Failed as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    medians = {
        name: {step: statistics.median(one.seconds for one in samples) for step, samples in steps.items()}
        for name, steps in found.items()
    }
    print(f"\n{f'MOLECULE, {options.platforms} PLATFORMS':<28}" + "".join(f"{step:>10}" for step in (*STEPS, "all")))
    for name, steps in medians.items():
        print(f"{name:<28}" + "".join(f"{seconds:9.2f}s" for seconds in (*steps.values(), sum(steps.values()))))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(medians, indent=1) + "\n", encoding="utf-8")
    mine, other = (sum(steps.values()) for steps in medians.values())
    print(f"{'PASS' if mine <= other else 'FAIL'}  not slower than the driver, over all three: {mine / other:.2f}")
    return 0 if mine <= other else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
