"""What pyproject.toml cannot say yet: the part of ranking that is compiled."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("ml._rows", ["ml/_rows.c"], extra_compile_args=["-O3"])])
