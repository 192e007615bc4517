"""What pyproject.toml cannot say yet: the parts that are compiled."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(f"ml.{name}", [f"ml/{name}.c"], extra_compile_args=["-O3"])
        for name in ("_rows", "_pairs")
    ]
)
