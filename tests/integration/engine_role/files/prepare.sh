#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Run in a Debian guest: gives it dnf, and a small RPM repository with a Docker that is none.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends dnf rpm createrepo-c file >/dev/null 2>&1

{ echo "#!/usr/bin/env python3"; cat /srv/dockerd.py; } >/srv/dockerd
package() { # name, with a daemon or without
  files=/usr/share/$1
  printf '%s\n' "Name: $1" "Version: 1" "Release: 1" "Summary: stands in for $1" "License: GPL-3.0-or-later" "BuildArch: noarch" "AutoReqProv: no" \
    "%description" "For tests." "%install" "mkdir -p %{buildroot}/usr/share/$1" >"/srv/$1.spec"
  if [ "$2" = daemon ]; then
    printf '%s\n' "install -Dm755 /srv/dockerd %{buildroot}/usr/bin/dockerd" \
      "install -Dm644 /srv/docker.service %{buildroot}/usr/lib/systemd/system/docker.service" >>"/srv/$1.spec"
    files="$files /usr/bin/dockerd /usr/lib/systemd/system/docker.service"
  fi
  { echo "%files"; printf '%s\n' $files; } >>"/srv/$1.spec"
  rpmbuild --quiet -bb --define "_rpmdir /srv/repo" "/srv/$1.spec"
}
printf '%s\n' "[Service]" "ExecStart=/usr/bin/dockerd" "[Install]" "WantedBy=multi-user.target" >/srv/docker.service
package docker daemon
package moby-engine daemon
package docker-ce-cli nothing
createrepo_c -q /srv/repo
mkdir -p /etc/yum.repos.d
printf '%s\n' "[local]" "name=local" "baseurl=file:///srv/repo" "gpgcheck=0" "enabled=0" >/etc/yum.repos.d/local.repo
