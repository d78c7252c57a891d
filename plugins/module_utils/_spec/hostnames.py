# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for the nodes of a new cluster: from a list of words of our own, or from the user's file."""

from __future__ import annotations

import random
from typing import Collection

from .instances import normal_name
from .problems import BadValue, show

_TEXT = """
acorn agate alder almond amber anchor anise anvil apple apricot arbor arrow ash aspen aster autumn azure
badger bamboo barley basalt basil bay beacon beaver beech birch bison blossom bluebell boulder bramble breeze
brook bronze buckle burrow cactus calico canary candle canyon caraway cardinal carrot cedar chalk cherry
chestnut cinder citrus clay clover cobalt comet copper coral corn cotton cove cricket crocus crystal cypress
daisy dale damson dawn delta dew dill dolphin dove drift dune eagle ebony echo elder elm ember falcon fawn
feather fennel fern ferry fig finch fir flint forest fox frost garnet gecko ginger glade glacier gorse granite
grape gravel grove gull harbor hare harvest hawk hazel heath heather hedge heron hickory hollow holly honey
hornet indigo iris iron island ivory ivy jade jasmine juniper kelp kernel kestrel kite lagoon lake lantern
larch lark laurel lava lavender leaf lemon lichen lilac lily lime linden linen lotus lupin lynx magnet mallow
mango maple marble marigold marlin marsh meadow mesa mimosa mint mistral moss mulberry myrtle nectar nettle
nickel north nutmeg oak oasis oat ocean olive onyx opal orchard orchid osprey otter owl oyster papaya parsley
pear pebble peony pepper pine plum pollen pond poplar poppy prairie quail quartz quince raven reed ridge river
robin rose rowan ruby rye saffron sage salmon sand sapphire sequoia shale shore sierra silver slate snow
sorrel spruce starling stone stream summit swallow sycamore tansy tarn teak thistle thyme tiger timber topaz
tulip tundra valley vanilla velvet violet walnut wheat willow winter wren yarrow yew zinnia
"""
WORDS = tuple(_TEXT.split())


def choose_names(count: int, taken: Collection[str], rng: random.Random) -> list[str]:
    """*count* different words that no one has; with a number behind them when the words run out."""
    free = [word for word in WORDS if word not in taken]
    rng.shuffle(free)
    number = 2
    while len(free) < count:
        free.extend(name for name in (f"{word}{number}" for word in WORDS) if name not in taken)
        number += 1
    return free[:count]


def names_of_file(content: str, count: int) -> list[str]:
    """The first *count* names of a file with one a line; what stands behind a name (TPA's addresses) is not read."""
    found: dict[str, int] = {}
    for number, line in enumerate(content.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            name = normal_name(words[0])
        except BadValue as bad:
            raise BadValue(f"Line {number}: {bad.message}", bad.remedy) from bad
        if name in found:
            raise BadValue(f"Line {number}: {show(name)} stands on line {found[name]} already.", "Keep one of them.")
        found[name] = number
        if len(found) == count:
            return list(found)
    raise BadValue(f"It has {len(found)} names, and {count} nodes need one.", "Add names, one a line.")
