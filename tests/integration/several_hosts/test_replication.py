# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL streams between nodes on different hosts; the primary's host loses its power, the replica is promoted by
hand, the old host comes back.

Molecule knows nothing of several Docker hosts on one machine, so this is a test of its own, and no scenario. The hosts
have no way out: PostgreSQL is in the image, from the distribution's packages.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig, why_not

pytestmark = pytest.mark.long
IMAGE = "t-rep/postgres:1"
NAMES = {"t-rep-one": "h1", "t-rep-two": "h2", "t-rep-three": "h3"}
INSTALL = """
set -eu
apt-get update -q -o Acquire::Languages=none
export DEBIAN_FRONTEND=noninteractive
apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io postgresql
cd /etc/postgresql/*/main
printf "listen_addresses = '*'\\n" > conf.d/listen.conf
echo 'host all all samenet trust' >> pg_hba.conf
echo 'host replication replicator samenet trust' >> pg_hba.conf
"""
FOLLOW = """
set -eu
set -- $(pg_lsclusters --no-header); version=$1 data=$6
systemctl stop "postgresql@$version-main"
find "$data" -mindepth 1 -delete
runuser -u postgres -- pg_basebackup --dbname="host=PRIMARY user=replicator" --pgdata="$data" --checkpoint=fast \
  --wal-method=stream --write-recovery-conf
systemctl start "postgresql@$version-main"
"""


@pytest.fixture(scope="module")
def image(sdk, guest_image) -> Iterator[str]:
    """The guest image with PostgreSQL's packages in it."""
    proxies = {name: os.environ.get(name, "") for name in ("http_proxy", "https_proxy")}
    box = sdk.containers.create(guest_image, ["sleep", "900"], name="t-rep-build", environment=proxies)
    try:
        box.start()
        done = box.exec_run(["sh", "-c", INSTALL])
        assert done.exit_code == 0, done.output.decode()[-2000:]
        box.commit(*IMAGE.split(":"), changes='CMD ["/sbin/init"]')
    finally:
        box.remove(force=True)
    yield IMAGE
    sdk.images.remove(IMAGE, force=True)


class Site:
    """The cluster, and its nodes wherever they are."""

    def __init__(self, rig: Rig, home: Path) -> None:
        self.rig, self.home = rig, home

    def sh(self, node: str, script: str) -> str:
        done = self.rig.sdk(NAMES[node]).containers.get(node).exec_run(["bash", "-c", script])
        assert done.exit_code == 0, f"{node}: {script}: {done.output.decode()[-2000:]}"
        return str(done.output.decode().strip())

    def sql(self, node: str, statement: str) -> str:
        return self.sh(node, f'runuser -u postgres -- psql --no-psqlrc -tAc "{statement}"')

    def until(self, what: str, there: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        error: Any = ""
        while time.monotonic() < deadline:
            try:
                if there():
                    return
            except Exception as seen:  # the node is on its way
                error = seen
            time.sleep(0.3)
        raise AssertionError(f"{what}: not within {seconds} s ({error})")


@pytest.fixture
def site(image, tmp_path) -> Iterator[Site]:
    if why_not():
        pytest.skip(why_not())
    home = tmp_path / "t-rep"
    home.mkdir()
    with Rig(3, image) as rig:
        config = {
            "cluster_name": "t-rep",
            "cluster_vars": {"postgres_version": "15"},
            "docker_networks": [{"name": "t-rep", "ipam_config": [{"subnet": "10.97.3.0/24"}]}],
            "locations": [{"Name": "main"}],
            "instance_defaults": {"platform": "docker", "image": image},
            "instances": [
                {"Name": name, "node": number, "location": "main", "ip_address": f"10.97.3.{number + 1}"}
                for number, name in enumerate(NAMES, 1)
            ],
            "tpaexec_docker": {
                "preflight": {"ignore": ["IPVS_MISSING"]},
                "hosts": rig.mapping(),
                "instances": {name: {"host": host} for name, host in NAMES.items()},
            },
        }
        (home / "config.yml").write_text(json.dumps(config))
        tpaexec("provision", home, "--ignore", "POSTGRES_PREINSTALLED", "--ignore", "POSTGRES_UNIT_ENABLED")
        yield Site(rig, home)


def test_the_primarys_host_is_lost_and_comes_back(site: Site):
    one, two, _three = NAMES
    rig = site.rig
    site.until("the primary runs", lambda: site.sql(one, "select 1") == "1")
    site.sql(one, "create role replicator login replication")
    site.sql(one, "create table words (word text)")
    site.sh(two, FOLLOW.replace("PRIMARY", one))  # by its name, over the overlay
    site.sql(one, "insert into words values ('before')")
    site.until("the replica has it", lambda: site.sql(two, "select word from words") == "before")
    assert site.sql(one, "select state from pg_stat_replication") == "streaming"

    rig.kill("h1")
    assert site.sql(two, "select pg_is_in_recovery()") == "t"  # nobody promotes it but us
    assert site.sql(two, "select pg_promote()") == "t"
    site.sql(two, "insert into words values ('after')")

    rig.boot("h1")
    rig.await_managers()
    site.until("the old primary runs again", lambda: site.sql(one, "select count(*) from words") == "1")
    # two primaries: Docker and Swarm know nothing of that, so the old one is made to follow by hand
    site.sh(one, FOLLOW.replace("PRIMARY", two))
    site.until("it has caught up", lambda: site.sql(one, "select count(*) from words") == "2")
    assert site.sql(two, "select state from pg_stat_replication") == "streaming"
    assert " 10.97.3.2/" in site.sh(one, "ip -4 -o addr show scope global")
    again = tpaexec("provision", site.home, "--ignore", "POSTGRES_PREINSTALLED", "--ignore", "POSTGRES_UNIT_ENABLED")
    assert "Nothing to change" in again.stdout
