# SPDX-License-Identifier: GPL-3.0-or-later
"""Under Ansible's importer of collections, our modules come from Python's own, which keeps what it compiled."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

from ansible_collections.tpaexec.docker.plugins.plugin_utils import _compiled

TOP = Path(_compiled.__file__).parents[2]
UNDER_ANSIBLE = """
import sys
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
_AnsibleCollectionFinder(paths=[sys.argv[1]])._install()
from ansible_collections.tpaexec.docker.plugins.action import docker_cluster, docker_swarm_hosts
prefix = "ansible_collections.tpaexec.docker.plugins."
for name in ("module_utils._cluster", "module_utils._cluster.plan", "module_utils._client", "modules.docker_cluster"):
    print(type(sys.modules[prefix + name].__loader__).__name__)
left = [finder for finder in sys.meta_path if type(finder).__module__.endswith("_compiled")]
print(left, prefix + "modules.docker_swarm_hosts" in sys.modules)
"""


def test_python_imports_what_ansible_would_compile_each_time(tmp_path):
    """And only what is wanted at once; afterwards every import is as it was."""
    link = tmp_path / "ansible_collections" / "tpaexec" / "docker"
    link.parent.mkdir(parents=True)
    link.symlink_to(TOP)
    done = subprocess.run(
        [sys.executable, "-c", UNDER_ANSIBLE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["SourceFileLoader"] * 4 + ["[]", "False"], done.stderr


def test_only_ours_and_only_what_is_there():
    folder = str(TOP / "plugins" / "module_utils")
    find = _compiled.Finder().find_spec
    spec = find("ansible_collections.tpaexec.docker.plugins.module_utils._entry", [folder])
    assert spec is not None
    assert isinstance(spec.loader, SourceFileLoader)
    assert find("ansible_collections.other.one.plugins.module_utils._entry", [folder]) is None
    assert find("ansible_collections.tpaexec.docker.plugins.module_utils._none", [folder]) is None
    assert find("ansible_collections.tpaexec.docker.plugins.module_utils", [folder]) is None


def test_it_goes_when_an_import_fails():
    before = list(sys.meta_path)
    try:
        with _compiled.kept():
            raise ImportError
    except ImportError:
        pass
    assert sys.meta_path == before
