# SPDX-License-Identifier: GPL-3.0-or-later
"""What turns a plain root file system with systemd into a guest that boots fast: one shell script, run in a hook.

Each list says why its members go. The script gets the root directory as $1, needs nothing but POSIX tools of the
host, and gives the same bytes for the same input.
"""

from __future__ import annotations

from typing import Collection

# A container has no devices, consoles, kernel modules or file systems of its own to set up.
MASKED_UNITS = (
    "console-getty.service",
    "container-getty@.service",
    "cryptsetup.target",
    "dev-hugepages.mount",
    "getty-static.service",
    "getty.target",
    "integritysetup.target",
    "kmod-static-nodes.service",
    "modprobe@.service",
    "proc-sys-fs-binfmt_misc.automount",
    "quotaon.service",
    "remote-cryptsetup.target",
    "remote-veritysetup.target",
    "serial-getty@.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-binfmt.service",
    "systemd-boot-system-token.service",
    "systemd-hwdb-update.service",
    "systemd-journald-audit.socket",
    "systemd-modules-load.service",
    "systemd-network-generator.service",
    "systemd-pcrphase-sysinit.service",
    "systemd-pcrphase.service",
    "systemd-pstore.service",
    "systemd-quotacheck.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-repart.service",
    "systemd-resolved.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tpm2-setup-early.service",
    "systemd-tpm2-setup.service",
    "systemd-udev-settle.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
    "systemd-vconsole-setup.service",
    "veritysetup.target",
    # What only writes records that nobody reads in a container, or does at each start what the image has done.
    "ldconfig.service",
    "systemd-firstboot.service",
    "systemd-initctl.socket",
    "systemd-journal-catalog-update.service",
    "systemd-machine-id-commit.service",
    "systemd-sysusers.service",
    "systemd-update-done.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
    # The host trims and scrubs file systems; the nodes of a cluster must not upgrade their packages by themselves.
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dnf-makecache.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    # Seats and power buttons; its RemoveIPC would take the shared memory of a database whose user logs out.
    "systemd-logind.service",
)

# Each generator is a process at every start and every daemon-reload.
MASKED_GENERATORS = (
    "systemd-bless-boot-generator",
    "systemd-cryptsetup-generator",
    "systemd-debug-generator",
    "systemd-fstab-generator",
    "systemd-getty-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-integritysetup-generator",
    "systemd-rc-local-generator",
    "systemd-run-generator",
    "systemd-ssh-generator",
    "systemd-system-update-generator",
    "systemd-tpm2-generator",
    "systemd-veritysetup-generator",
)

HOST_KEYS_UNIT = """\
[Unit]
Description=Make this node's SSH host keys where none were installed
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key
Before=ssh.service sshd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
ExecStart=/usr/bin/ssh-keygen -q -t ecdsa -N "" -f /etc/ssh/ssh_host_ecdsa_key

[Install]
WantedBy=multi-user.target
"""
HOST_KEYS_NAME = "tpaexec-ssh-host-keys.service"

# Left by package installation: different at each build, of no use in a node.
LEFTOVERS = (
    "etc/.pwd.lock",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/ssh/ssh_host_*",
    "var/cache/apt/*.bin",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/systemd/random-seed",
    "var/log/alternatives.log",
    "var/log/apt/*",
    "var/log/bootstrap.log",
    "var/log/dpkg.log",
    "root/.bash_history",
)


def guest_script(kept: Collection[str] = ()) -> str:
    """The whole of it, as a script for /bin/sh with the root directory as $1; of the leftovers, *kept* stay."""
    units = " ".join(MASKED_UNITS)
    generators = " ".join(MASKED_GENERATORS)
    leftovers = " ".join(f'"$root"/{path}' for path in LEFTOVERS if path not in kept)
    return f"""\
#!/bin/sh
set -eu
root=$1
etc="$root/etc/systemd/system"
mkdir -p "$etc/multi-user.target.wants" "$root/etc/systemd/system-generators"
for unit in {units}; do
    ln -sfn /dev/null "$etc/$unit"
done
for generator in {generators}; do
    ln -sfn /dev/null "$root/etc/systemd/system-generators/$generator"
done
ln -sfn /lib/systemd/system/multi-user.target "$etc/default.target"
if [ -e "$root/usr/sbin/sshd" ]; then
    cat > "$etc/{HOST_KEYS_NAME}" <<'END'
{HOST_KEYS_UNIT}END
    ln -sfn /etc/systemd/system/{HOST_KEYS_NAME} "$etc/multi-user.target.wants/{HOST_KEYS_NAME}"
fi
rm -rf {leftovers}
: > "$root/etc/machine-id"
# systemd compares these with /usr: in step, nothing is "updated" at the first boot
touch -r "$root/usr" "$root/etc/.updated" "$root/var/.updated"
"""
