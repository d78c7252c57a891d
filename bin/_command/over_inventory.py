# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in a cluster directory, over its inventory: ansible, ansible-playbook, ssh."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any, NoReturn

from . import environment
from .daemons import host_of
from .errors import CommandError, UsageError
from .guard import check_before_ansible
from .processes import STOPPED, through_python, wait_for
from .variables import extra_variables


def _over_inventory(options: dict[str, Any], program: str) -> list[str]:
    """`program -i inventory …` in DIR, as TPA runs it; DIR's own ansible.cfg counts."""
    directory = extra_variables({"cluster_dir": options["cluster_dir"]})
    argv = [environment.find_ansible(program), "-i", "inventory", "-e", directory]
    if os.path.isfile(os.path.join(options["cluster_dir"], "vault", "vault_pass.txt")):
        argv += ["--vault-password-file", "vault/vault_pass.txt"]
    return argv


def _environment(environ: dict[str, str]) -> dict[str, str]:
    """Without Ansible's warning about the minus in tag_Cluster_<name>, and in surroundings that Ansible starts in."""
    surroundings = {**environment.with_locale(), **environment.with_home(environ)}
    return {"ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "ignore", **environ, **surroundings}


def _run(argv: list[str], environ: dict[str, str]) -> int:
    """Ansible itself, which a Ctrl-C while it is still starting ends without a traceback."""
    surrounded = _environment(environ)
    started = through_python(argv, "now")
    code = wait_for(started, surrounded, later=started != argv)
    if code in STOPPED:
        print("Interrupted: what was started on the nodes may go on there. Run the same again.", file=sys.stderr)
    return code


def run_cmd(options: dict[str, Any], rest: list[str], environ: dict[str, str]) -> int:
    """ansible PATTERN …"""
    check_before_ansible(options["cluster_dir"], environ)
    argv = _over_inventory(options, "ansible")
    argv += rest if has_pattern(rest) else ["all", *rest]
    os.chdir(options["cluster_dir"])
    return _run(argv, environ)


# Options of ansible whose value is the next argument: that value is no pattern.
TAKES_VALUE = """
    -a -m -i -e -l -u -c -T -f -M -B -P -t
    --args --background --become-method --become-pass-file --become-password-file --become-user --conn-pass-file
    --connection --connection-password-file --extra-vars --forks --inventory --inventory-file --key-file --limit
    --module-name --module-path --playbook-dir --poll --private-key --scp-extra-args --sftp-extra-args
    --ssh-common-args --ssh-extra-args --task-timeout --timeout --tree --user --vault-id --vault-pass-file
    --vault-password-file
"""


def has_pattern(rest: list[str]) -> bool:
    """Whether one of ansible's arguments is a host pattern."""
    skip = False
    for argument in rest:
        if skip:
            skip = False
        elif argument in TAKES_VALUE.split():
            skip = True
        elif not argument.startswith("-"):
            return True
    return False


def run_a_playbook(options: dict[str, Any], rest: list[str], environ: dict[str, str]) -> int:
    """ansible-playbook FILE …, FILE relative to DIR as in TPA, else to where we are."""
    directory, here = options["cluster_dir"], os.getcwd()
    if not any(not argument.startswith("-") for argument in rest) and "--help" not in rest and "-h" not in rest:
        raise UsageError("Name a playbook: FILE is missing.")
    check_before_ansible(directory, environ)
    argv = _over_inventory(options, "ansible-playbook")
    if environ.get("TPA_DIR"):
        argv += ["-e", extra_variables({"tpa_dir": environ["TPA_DIR"]})]
    for argument in rest:
        is_ours = argument.endswith((".yml", ".yaml")) and not os.path.exists(os.path.join(directory, argument))
        argv.append(os.path.join(here, argument) if is_ours and os.path.isfile(argument) else argument)
    os.chdir(directory)
    return _run(argv, environ)


def run_ssh(options: dict[str, Any], rest: list[str], environ: dict[str, str]) -> NoReturn:
    """ssh -F ssh_config NODE …, in our place: its exit code is the command's."""
    if rest[:1] == ["--"]:
        rest = rest[1:]
    ssh = shutil.which("ssh")
    if ssh is None:
        raise CommandError("Install the OpenSSH client (package openssh-client or openssh-clients): there is no ssh.")
    check_way(options["cluster_dir"], options["node"])
    os.chdir(options["cluster_dir"])
    os.execve(ssh, ["ssh", "-F", "ssh_config", "--", options["node"], *rest], environ)  # noqa: S606


def check_way(directory: str, login: str) -> None:
    """ssh_config's way to a node is the docker command, which knows a host by its address alone."""
    node = login.rpartition("@")[2]
    name = (host_of(directory, node) or {}).get("tls_hostname")
    if name:
        raise CommandError(
            f"Use 'tpaexec cmd {directory} {node} -a COMMAND', or reach the node's Docker host by a name that is in "
            f"its certificate (docker_host in config.yml): ssh goes to {node} by the docker command, which cannot be "
            f"told another name (tls_hostname: {name})."
        )


ACTIONS = {"!cmd": run_cmd, "!playbook": run_a_playbook, "!ssh": run_ssh}
