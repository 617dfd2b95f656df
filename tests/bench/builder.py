# SPDX-License-Identifier: Apache-2.0
"""Builds what a measurement needs, in release form."""
import json
import os
import pathlib
import subprocess


class Failed(Exception):
    """It could not be measured; the text says why."""


def build(root, options, *wanted):
    """Builds targets, named by their path in the build folder, and returns their paths.

    The name "writ" stands for the program itself, wherever meson puts it.
    """
    out = pathlib.Path(options.build).resolve()
    if not (out / "build.ninja").exists():
        done = subprocess.run(["meson", "setup", out, root, "--buildtype=release", "-Db_lto=true", "-Dtests=false"],
                              env=dict(os.environ, CC=os.environ.get("CC", "gcc")),
                              capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"meson setup failed:\n{done.stdout[-1000:]}")
    targets = [_program(out) if name == "writ" else name for name in wanted]
    done = subprocess.run(["ninja", "-C", out, *targets], capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"the build failed:\n{done.stdout[-3000:]}")
    return [out / target for target in targets]


def _program(out):
    introspection = subprocess.run(["meson", "introspect", "--targets", out], check=True,
                                   capture_output=True).stdout
    for target in json.loads(introspection):
        if target["name"] == "writ" and target["type"] == "executable":
            return str(pathlib.Path(target["filename"][0]).relative_to(out))
    raise Failed("there is no target 'writ' in meson.build")
