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
from ansible_collections.tpaexec.docker.plugins.plugin_utils import _in_process
from ansible_collections.tpaexec.docker.plugins.modules import docker_cluster
prefix = "ansible_collections.tpaexec.docker.plugins."
for name in ("module_utils._cluster", "module_utils._cluster.plan", "module_utils._entry", "modules.docker_cluster"):
    print(type(sys.modules[prefix + name].__loader__).__name__)
"""


def test_python_imports_what_ansible_would_compile_each_time(tmp_path):
    link = tmp_path / "ansible_collections" / "tpaexec" / "docker"
    link.parent.mkdir(parents=True)
    link.symlink_to(TOP)
    done = subprocess.run(
        [sys.executable, "-c", UNDER_ANSIBLE, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["SourceFileLoader"] * 4, done.stderr


def test_only_ours_and_only_what_is_there():
    folder = str(TOP / "plugins" / "module_utils")
    spec = _compiled.Finder.find_spec("ansible_collections.tpaexec.docker.plugins.module_utils._entry", [folder])
    assert spec is not None
    assert isinstance(spec.loader, SourceFileLoader)
    assert _compiled.Finder.find_spec("ansible_collections.other.one.plugins.module_utils._entry", [folder]) is None
    assert _compiled.Finder.find_spec("ansible_collections.tpaexec.docker.plugins.module_utils._none", [folder]) is None
    assert _compiled.Finder.find_spec("ansible_collections.tpaexec.docker.plugins.module_utils", [folder]) is None


def test_it_stands_once_in_front():
    _compiled.install()
    assert sys.meta_path.count(_compiled.Finder) == 1
