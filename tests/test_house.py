"""The floor plan: which room may import which, and what the pure rooms leave alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "postroad"

LIBRARY = {"errors", "message", "smtp", "providers", "transport", "frontdoor"}
SERVER = {
    *("settings", "telemetry", "tenancy", "delivery", "storage", "worker", "operations", "api"),
    "wiring",
}
PURE = {"message", "smtp", "providers", "tenancy", "delivery"}
IMPURE_MODULES = {"asyncio", "socket", "ssl", "sqlite3", "os", "time", "random", "logging"}

MAY_IMPORT = {
    "errors": set(),
    "message": {"errors"},
    "smtp": {"errors", "message"},
    "providers": {"errors", "smtp"},
    "settings": {"errors"},
    "telemetry": {"errors"},
    "tenancy": {"errors", "message"},
    "delivery": {"errors", "message", "smtp", "providers", "tenancy"},
    "transport": {"errors", "message", "smtp", "providers", "delivery"},
    "frontdoor": {"errors", "message", "smtp", "providers", "transport"},
    "storage": {"errors", "message", "smtp", "tenancy", "delivery", "telemetry"},
    "worker": PURE | {"errors", "transport", "telemetry"},
    "operations": PURE | {"errors", "transport", "telemetry", "worker"},
    "api": {"errors", "message", "providers", "tenancy", "delivery", "operations", "telemetry"},
    "wiring": LIBRARY | SERVER | {"postroad"},
    "scripting": {"errors", "providers", "frontdoor", "postroad"},
    "simulators": {"errors", "providers", "frontdoor", "postroad"},
    "cli": LIBRARY
    | {"scripting", "simulators", "postroad"}
    | {"settings", "operations", "telemetry", "wiring", "tenancy", "delivery"},
    "postroad": LIBRARY,
    "__main__": {"cli"},
}


def rooms() -> list[str]:
    return sorted(
        path.stem
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    )


def modules(room: str) -> list[Path]:
    path = SOURCE / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [SOURCE / f"{room}.py"]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, relative ones made absolute."""
    package = ("postroad", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(package[: len(package) - node.level + 1])
            yield f"{base}.{node.module}" if node.module else base
        elif isinstance(node, ast.ImportFrom) and node.module == "postroad":
            yield from (
                f"postroad.{alias.name}" if alias.name in rooms() else "postroad"
                for alias in node.names
            )
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def room_of(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "postroad":
        return None
    return parts[1] if len(parts) > 1 else "postroad"


@pytest.mark.parametrize("room", [room for room in rooms() if room != "__init__"])
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}

    found = {
        (path.name, target)
        for path in modules(room)
        for module in imports(path)
        if (target := room_of(module)) is not None and target not in allowed
    }

    assert not found


@pytest.mark.parametrize("room", sorted(PURE))
def test_a_pure_room_imports_no_io(room: str) -> None:
    found = {
        (path.name, module)
        for path in modules(room)
        for module in imports(path)
        if module.split(".")[0] in IMPURE_MODULES
    }

    assert not found


def test_only_the_dialer_opens_connections() -> None:
    found = {
        path.name
        for room in LIBRARY | SERVER - {"storage"}  # its files, and PostgreSQL's driver
        if (SOURCE / room).exists()
        for path in modules(room)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in {"connect", "connect_ex", "sock_connect", "urlopen", "open_connection"}
    }

    assert found == {"dialer.py"}


BARE_INSTALL = """
import sys, pkgutil, importlib

class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in {"postroad", "idna", "click"}:
            raise ImportError(f"{name} is not part of a bare install")

sys.meta_path.insert(0, Bare())
import postroad
for name in postroad.__all__:
    getattr(postroad, name)
for room in sys.argv[1:]:
    package = importlib.import_module(f"postroad.{room}")
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"postroad.{room}."):
        importlib.import_module(module.name)
print("ok")
"""


def test_the_library_rooms_and_the_command_line_import_in_a_bare_install() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", BARE_INSTALL, *sorted(LIBRARY), "cli"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.stdout == "ok\n", ran.stderr


def test_importing_postroad_loads_neither_asyncio_nor_ssl() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import postroad, sys; print(*{'asyncio', 'ssl'} & {*sys.modules})"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == "\n"
