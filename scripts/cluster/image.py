#!/usr/bin/env python3
"""Writes an image as an OCI archive, without a container engine: the same files give the same digest.

Programs come with the shared libraries that they name, everything else as it is said: FILE=/PATH/IN/THE/IMAGE.
"""

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="registry/repository:tag")
    parser.add_argument("--out", required=True, help="the archive")
    parser.add_argument("--entry", help="the program that runs where a pod names none")
    parser.add_argument("--user", default="", help="uid:gid")
    parser.add_argument("--program", action="append", default=[], help="a program of this machine, into /bin")
    parser.add_argument("files", nargs="*", metavar="FILE=PATH")
    return parser.parse_args()


def libraries(program):
    """Where a program finds what it is linked with, its loader included."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)


def contents(wanted):
    """What is where in the image: paths in it, and files of this machine."""
    there = {}
    for name in wanted.program:
        program = shutil.which(name)
        if program is None:
            raise SystemExit(f"image: there is no {name} here")
        there["/bin/" + name] = program
        there.update((path, path) for path in libraries(program))
    there.update(reversed(pair.split("=", 1)) for pair in wanted.files)
    return there


def entry(name, mode, kind=tarfile.REGTYPE, data=b""):
    info = tarfile.TarInfo(name.strip("/"))
    info.type, info.mode, info.size = kind, mode, len(data)
    return info, io.BytesIO(data)


def archive(entries):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for info, data in entries:
            tar.addfile(info, data)
    return packed.getvalue()


def layer(there):
    folders = {"/tmp"}
    for path in there:
        while (path := os.path.dirname(path)) != "/":
            folders.add(path)
    entries = [entry(path, 0o1777 if path == "/tmp" else 0o755, tarfile.DIRTYPE) for path in sorted(folders)]
    for path, source in sorted(there.items()):
        with open(source, "rb") as file:
            entries.append(entry(path, 0o755, data=file.read()))
    return archive(entries)


def digest(blob):
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def image(name, config, data):
    """The archive: a layer, what it says of itself, a manifest, an index with the name."""
    oci = "application/vnd.oci.image."
    blobs = {}

    def kept(kind, blob):
        blobs[digest(blob)] = blob
        return {"mediaType": oci + kind, "digest": digest(blob), "size": len(blob)}

    def written(value):
        return json.dumps(value, sort_keys=True).encode()

    manifest = {
        "schemaVersion": 2,
        "mediaType": oci + "manifest.v1+json",
        "config": kept("config.v1+json", written(config)),
        "layers": [kept("layer.v1.tar", data)],
    }
    main = kept("manifest.v1+json", written(manifest))
    main["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.split(":")[-1]}
    entries = [
        entry("oci-layout", 0o644, data=written({"imageLayoutVersion": "1.0.0"})),
        entry("index.json", 0o644, data=written({"schemaVersion": 2, "manifests": [main]})),
    ]
    entries += [entry("blobs/" + key.replace(":", "/"), 0o644, data=blob) for key, blob in blobs.items()]
    return archive(entries)


def main():
    wanted = arguments()
    data = layer(contents(wanted))
    run = {"Env": ["PATH=/bin"], "User": wanted.user, "WorkingDir": "/"}
    if wanted.entry:
        run["Entrypoint"] = [wanted.entry]
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [digest(data)]},
    }
    with open(wanted.out + ".new", "wb") as file:
        file.write(image(wanted.name, config, data))
    os.replace(wanted.out + ".new", wanted.out)


main()
