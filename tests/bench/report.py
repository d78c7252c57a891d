# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples → medians, the table, the targets with PASS or FAIL. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Callable, Mapping, Optional, Sequence

from processes import Sample

Samples = Mapping[str, Sequence[Sample]]
Medians = Mapping[str, float]


@dataclass(frozen=True)
class Target:
    """One promise: `value` and `limit` are computed from the run's own medians."""

    what: str
    said: str
    value: Callable[[Medians], float]
    limit: Callable[[Medians], float]


TARGETS = (
    Target(
        "provision 16 nodes, cold",
        "1.25 x plain SDK + 3 s",
        lambda m: m["provision/16/tpaexec"],
        lambda m: 1.25 * m["provision/16/plain SDK"] + 3,
    ),
    Target(
        "provision 3 nodes, cold",
        "4.5 x an empty playbook",
        lambda m: m["provision/3/tpaexec"],
        lambda m: 4.5 * m["empty playbook"],
    ),
    Target("provision 16 nodes, nothing to do", "3.5 s", lambda m: m["rerun/16/tpaexec"], lambda m: 3.5),
    Target(
        "preflight and the image's check within provision, 16 nodes",
        "0.8 s",
        lambda m: m["and check/16/tpaexec"] - m["read config.yml/16/tpaexec"],
        lambda m: 0.8,
    ),
)
# Further ahead: printed, and no reason to fail.
GOALS = (
    Target(
        "provision 16 nodes, cold",
        "1.15 x plain SDK + 2.5 s",
        lambda m: m["provision/16/tpaexec"],
        lambda m: 1.15 * m["provision/16/plain SDK"] + 2.5,
    ),
    Target(
        "provision 16 nodes, nothing to do",
        "an empty playbook + 1 s",
        lambda m: m["rerun/16/tpaexec"],
        lambda m: m["empty playbook"] + 1,
    ),
    Target(
        "deprovision 16 nodes",
        "1.3 x plain SDK + 2 s",
        lambda m: m["deprovision/16/tpaexec"],
        lambda m: 1.3 * m["deprovision/16/plain SDK"] + 2,
    ),
    Target(
        "ping 16 nodes",
        "half of `ansible all -m ping`",
        lambda m: m["ping/16/tpaexec"],
        lambda m: m["ping/16/ansible -m ping"] / 2,
    ),
    Target("own CPU for each node more", "0.06 s", lambda m: m["own CPU per node"], lambda m: 0.06),
)


def medians(samples: Samples) -> dict[str, float]:
    found = {key: median(sample.seconds for sample in values) for key, values in samples.items() if values}
    found.update(_growth(samples))
    return found


def _growth(samples: Samples) -> dict[str, float]:
    """Seconds and CPU seconds that one node more costs, between the smallest and the largest cluster."""
    ours = [key.split("/") for key in samples if key.startswith("provision/") and key.endswith("/tpaexec")]
    sizes = sorted(int(size) for _action, size, _subject in ours if size.isdigit())
    if len(sizes) < 2:
        return {}
    low, high = (samples[f"provision/{size}/tpaexec"] for size in (sizes[0], sizes[-1]))
    nodes = sizes[-1] - sizes[0]

    def slope(read: Callable[[Sample], float]) -> float:
        return (median(map(read, high)) - median(map(read, low))) / nodes

    found = {"own CPU per node": slope(lambda s: s.cpu), "seconds per node": slope(lambda s: s.seconds)}
    if all(sample.daemon_cpu is not None for sample in (*low, *high)):
        found["daemon's CPU per node"] = slope(lambda s: s.daemon_cpu or 0.0)
    return found


def judged(targets: Sequence[Target], values: Medians) -> list[dict[str, Any]]:
    rows = []
    for target in targets:
        try:
            value, limit = target.value(values), target.limit(values)
        except KeyError as missing:
            rows.append({"what": target.what, "target": target.said, "result": f"not measured ({missing.args[0]})"})
            continue
        result = "PASS" if value <= limit else "FAIL"
        row = {"what": target.what, "target": target.said, "seconds": round(value, 3), "limit": round(limit, 3)}
        rows.append({**row, "result": result})
    return rows


def ratio_of(key: str, values: Medians) -> Optional[float]:
    """Ours against the plain program at the same thing."""
    action, _sep, rest = key.partition("/")
    plain = f"{action}/{rest.rpartition('/')[0]}/plain SDK"
    return values[key] / values[plain] if key.endswith("/tpaexec") and plain in values else None


def table(samples: Samples) -> str:
    values = medians(samples)
    lines = [f"{'WHAT':<42}{'MEDIAN':>9}{'LEAST':>9}{'MOST':>9}{'/PLAIN':>8}{'CPU':>8}{'DAEMON':>8}{'MiB':>6}"]
    for key, found in samples.items():
        if not found:
            continue
        seconds = [sample.seconds for sample in found]
        ratio = ratio_of(key, values)
        daemon = [sample.daemon_cpu for sample in found if sample.daemon_cpu is not None]
        lines.append(
            f"{key:<42}{values[key]:>8.2f}s{min(seconds):>8.2f}s{max(seconds):>8.2f}s"
            f"{f'{ratio:.2f}' if ratio else '':>8}{median(s.cpu for s in found):>7.2f}s"
            f"{f'{median(daemon):.2f}s' if daemon else '-':>8}{max(s.peak_mib for s in found):>6.0f}"
        )
    for key in ("seconds per node", "own CPU per node", "daemon's CPU per node"):
        if key in values:
            lines.append(f"{key:<42}{values[key]:>8.3f}s")
    return "\n".join(lines)


def verdicts(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for row in rows:
        seen = f"{row['seconds']:.2f} s, limit {row['limit']:.2f} s" if "seconds" in row else ""
        lines.append(f"  {row['result']:<5} {row['what']}: {row['target']}  {seen}".rstrip())
    return "\n".join(lines)


def as_data(
    samples: Samples,
    machine: Mapping[str, Any],
    remarks: Sequence[str],
    targets: Sequence[Target] = TARGETS,
    goals: Sequence[Target] = GOALS,
) -> dict[str, Any]:
    values = medians(samples)
    return {
        "machine": dict(machine),
        "remarks": list(remarks),
        "medians": {key: round(value, 4) for key, value in values.items()},
        "ratios": {key: round(ratio, 3) for key in samples if (ratio := ratio_of(key, values))},
        "targets": judged(targets, values),
        "goals": judged(goals, values),
        "samples": {key: [asdict(sample) for sample in found] for key, found in samples.items()},
    }
