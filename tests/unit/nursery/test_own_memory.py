"""The daemon keeps no source of generated methods, and one heap for all of its threads."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, linecache, pathlib, threading
from hive.nursery import own_memory
import hive.wire.admin
kept = len(linecache.cache)
if {saves}:
    own_memory.take_little()
all_here, kept_now = threading.Barrier(4), len(linecache.cache)
def work():
    all_here.wait()
    block = [bytes(1000) for _ in range(1000)]
    all_here.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
[each.start() for each in threads]
[each.join() for each in threads]
sizes = []
for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
    place, rights = line.split()[:2]
    low, high = (int(end, 16) for end in place.split("-"))
    sizes.append(high - low if rights == "---p" and len(line.split()) == 5 else 0)
print(json.dumps([kept, kept_now, sum(size > 2**25 for size in sizes)]))
"""


def told(*, saves: bool) -> list[int]:
    """Return how many sources are kept, before and after, and how many heaps threads reserve."""
    words = [sys.executable, "-c", PROGRAM.format(saves=saves)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: list[int] = json.loads(done.stdout)
    return found


def test_threads_share_one_heap_and_no_source_of_attrs_is_kept() -> None:
    kept, kept_now, heaps = told(saves=True)
    assert kept > 50
    assert (kept_now, heaps) == (0, 0)


def test_else_each_thread_reserves_a_heap() -> None:
    assert told(saves=False)[2] > 0
