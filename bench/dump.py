"""The floor of rendering: a Python that has loaded the same libraries and dumps the same objects, known beforehand.

python -m bench.dump FILE    prints the objects of a JSON list as YAML
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

import pydantic  # noqa: F401 - loading it is part of the floor
import yaml

if __name__ == "__main__":
    gc.disable()
    objects = json.loads(Path(sys.argv[1]).read_text())["items"]
    sys.stdout.write(yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False, width=1 << 20))
