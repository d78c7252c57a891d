# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed RPM repositories, and a package cache of dnf's that serves a node with no network.

Real dnf and rpm, in Debian guests that say they are Rocky Linux; the packages are stand-ins made and signed here. What
real EL releases add - their sizes, scriptlets and their own keys - is not tested.
"""

from __future__ import annotations

import functools
import http.server
import threading

import pytest

from ansible_collections.tpaexec.docker.tests.integration.image.conftest import PREFIX, forget, there

pytestmark = pytest.mark.long
BASE, NAME = f"{PREFIX}/rocky-base:9", f"{PREFIX}/rocky-site:9"
PREPARE = """\
set -eu
export DEBIAN_FRONTEND=noninteractive HOME=/root
apt-get update -qq
apt-get install -qq --no-install-recommends dnf rpm createrepo-c file gpg gpg-agent >/dev/null 2>&1
package() {
  cat > /srv/$1.spec <<END
Name: $1
Version: 1
Release: 1
Summary: stands in for $1
License: none
BuildArch: noarch
AutoReqProv: no
$2
%description
For tests.
%install
mkdir -p %{buildroot}/usr/share/$1
echo $1 > %{buildroot}/usr/share/$1/hello
%files
/usr/share/$1
END
  rpmbuild --quiet -bb --define "_rpmdir $3" /srv/$1.spec
}
package libxslt-stand-in "" /srv/repo
package postgresql15-server "Requires: libxslt-stand-in" /srv/repo
for one in right wrong; do
  gpg --batch --quiet --passphrase '' --quick-generate-key $one@example.invalid rsa2048 sign never
  gpg --armor --export $one@example.invalid > /srv/$one.asc
done
rpm --define '__gpg /usr/bin/gpg' --define '_gpg_name right@example.invalid' --addsign /srv/repo/*/*.rpm >/dev/null
createrepo_c -q /srv/repo
gpgconf --kill all
mkdir -p /etc/yum.repos.d /etc/dnf
rm -f /usr/bin/apt-get /usr/bin/apt
printf 'ID="rocky"\\nVERSION_ID="9.4"\\n' > /usr/lib/os-release
"""


def sh(container, command, fails=False):
    status, output = container.exec_run(["sh", "-c", command])
    assert bool(status) == fails, f"{command}\n{output.decode(errors='replace')}"
    return output.decode(errors="replace")


@pytest.fixture(scope="module")
def shop(sdk, guest_image, tmp_path_factory):
    """The base image, and the folder with its repository and both keys, served by HTTP on the bridge."""
    folder = tmp_path_factory.mktemp("rpm")
    container = sdk.containers.run(guest_image, ["sleep", "900"], detach=True, volumes=[f"{folder}:/out"])
    try:
        sh(container, PREPARE)
        sh(container, "cp -r /srv/repo /srv/*.asc /out && chmod -R a+rX /out")
        container.commit(repository=BASE.rpartition(":")[0], tag="9")
    finally:
        container.remove(force=True)
    bridge = sdk.networks.get("bridge").attrs["IPAM"]["Config"][0]
    address = bridge.get("Gateway") or bridge["Subnet"].rpartition(".")[0] + ".1"
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://{address}:{server.server_address[1]}/repo"
        server.shutdown()
    forget(sdk, BASE)


def site(folder, address, key):
    """What a site asks for: PostgreSQL in the cache, its dependencies installed."""
    return {
        "names": [NAME],
        "base_image": BASE,
        "repositories": [{"name": "pgdg", "baseurl": address, "key": str(folder / f"{key}.asc")}],
        "preinstall_dependencies_of": ["postgresql15-server"],
        "package_cache": ["postgresql15-server"],
        "log_dir": str(folder / "logs"),
        "check": False,
    }


def test_postgres_is_installed_from_the_cache_with_no_network_days_later(sdk, shop, guest_image_module):
    folder, address = shop
    container = None
    try:
        reply = guest_image_module(**site(folder, address, "right"))
        assert not reply.failed, reply.result["msg"]
        container = sdk.containers.run(NAME, ["sleep", "300"], network_mode="none", detach=True)
        assert "gpgcheck=1" in sh(container, "cat /etc/yum.repos.d/pgdg.repo")
        sh(container, "test -e /usr/share/libxslt-stand-in/hello")
        sh(container, "test -e /usr/share/postgresql15-server", fails=True)
        # what dnf knows of the repository is older than it would believe by itself
        sh(container, "find /var/cache/dnf -exec touch -d '9 days ago' {} +")
        sh(container, "dnf install -y --setopt=metadata_expire=172800 postgresql15-server", fails=True)
        sh(container, "dnf install -y postgresql15-server")
        assert sh(container, "cat /usr/share/postgresql15-server/hello") == "postgresql15-server\n"
    finally:
        if container:
            container.remove(force=True)
        forget(sdk, NAME)


def test_packages_of_another_key_are_refused(sdk, shop, guest_image_module):
    folder, address = shop
    reply = guest_image_module(**site(folder, address, "wrong"))
    assert reply.failed
    assert "GPG" in reply.result["msg"]
    assert there(sdk, NAME) is None
