"""Validates objects (YAML on standard input) against the schemas of Kubernetes of each version named as argument.

Strictly: an unknown field is an error, and so is an unknown kind, except those that --others names.
"""

import argparse
import sys

import kubernetes_validate
import yaml

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--others", action="append", default=[])
parser.add_argument("versions", nargs="+")
asked = parser.parse_args()

wrong = 0
objects = [one for one in yaml.safe_load_all(sys.stdin) if one]
for version in asked.versions:
    for one in objects:
        name = f"{version} {one.get('kind')}/{one.get('metadata', {}).get('name')}"
        if one.get("kind") in asked.others:
            continue
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except Exception as refused:  # noqa: BLE001: whatever it is, it is an answer
            wrong += 1
            print(f"{name}: {type(refused).__name__} {refused}".splitlines()[0], file=sys.stderr)
print(f"{len(objects)} objects")
sys.exit(1 if wrong or not objects else 0)
