"""What pyproject.toml cannot say yet: the parts that are compiled."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension("ml._rows", ["ml/_rows.c"], extra_compile_args=["-O3"]),
        Extension(
            "ml._pairs",
            ["ml/_pairs.c"],
            depends=["ml/_pairs_kernel.h"],
            extra_compile_args=["-O3"],
        ),
    ]
)
