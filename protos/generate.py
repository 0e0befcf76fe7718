"""Compile protos/etcd/*.proto into pyetcd/pb, bound to a private descriptor pool.

Other clients (etcd3, aetcd, the official grpcio-health package) register files called
``rpc.proto`` or packages called ``etcdserverpb`` in protobuf's default pool.  The modules written
here name ``pyetcd.pb.pool.POOL`` instead, so both can live in one process.

usage: python protos/generate.py [--check]     (--check: exit 1 when the committed files are stale)
"""

from __future__ import annotations

import filecmp
import re
import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
TARGET = ROOT.parent / "pyetcd" / "pb"


def compile_into(folder: Path) -> None:
    """Run protoc over every file and rewrite the result for the private pool."""
    names = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "etcd").glob("*.proto"))
    args = ["protoc", f"-I{ROOT}", f"--python_out={folder}", f"--pyi_out={folder}", *names]
    if protoc.main(args) != 0:
        raise SystemExit("protoc failed")
    for path in sorted((folder / "etcd").glob("*_pb2.py*")):
        (folder / path.name).write_text(adapt(path.read_text(), stub=path.suffix == ".pyi"))
    shutil.rmtree(folder / "etcd")


def adapt(text: str, *, stub: bool) -> str:
    """Point a generated module at the private pool and make its imports relative."""
    text = re.sub(r"^from etcd import ", "from . import ", text, flags=re.M)
    if stub:
        return text
    text = re.sub(r"^from google\.protobuf import runtime_version.*\n", "", text, flags=re.M)
    text = re.sub(r"^_runtime_version\.Validate[^)]*\)\n", "", text, flags=re.M)
    text = text.replace("from google.protobuf import descriptor_pool as _descriptor_pool\n", "from .pool import POOL\n")
    return text.replace("_descriptor_pool.Default()", "POOL")


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        compile_into(folder)
        produced = sorted(p.name for p in folder.iterdir())
        if "--check" in sys.argv:
            stale = [n for n in produced if not same(folder / n, TARGET / n)]
            for name in stale:
                print(f"pyetcd/pb/{name} is not what protos/ gives: run python protos/generate.py")
            return 1 if stale else 0
        for name in produced:
            shutil.copyfile(folder / name, TARGET / name)
    return 0


def same(new: Path, old: Path) -> bool:
    return old.exists() and filecmp.cmp(new, old, shallow=False)


if __name__ == "__main__":
    raise SystemExit(main())
