"""The one thing pyproject.toml cannot say: the leaf folders install as sub-packages of pyetcd."""

from pathlib import Path

from setuptools import find_packages, setup

LEAVES = [leaf for leaf in ("compat", "migrate", "conformance") if Path(leaf, "__init__.py").exists()]

setup(
    packages=find_packages(include=["pyetcd", "pyetcd.*"])
    + [f"pyetcd.{name}" for leaf in LEAVES for name in find_packages(include=[leaf, f"{leaf}.*"])],
    package_dir={"pyetcd": "pyetcd", **{f"pyetcd.{leaf}": leaf for leaf in LEAVES}},
)
