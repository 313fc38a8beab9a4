"""The container files hold together without a container engine: names, paths, settings, rights."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from service.settings import Settings
from workers.line import line

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "api", "worker")


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """(instruction, rest) of each logical line, comments left out."""
    logical = re.sub(r"\\\n\s*", " ", dockerfile).splitlines()
    wanted = (one.strip() for one in logical if one.strip() and not one.lstrip().startswith("#"))
    return [
        (name.upper(), rest.strip()) for name, _, rest in (one.partition(" ") for one in wanted)
    ]


def rest_of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions(DOCKERFILE) if instruction == name]


def subcommands() -> set[str]:
    return set(getattr(get_command(line), "commands"))  # noqa: B009  (Click's type is private to Typer)


def test_every_service_says_where_it_comes_from() -> None:
    assert {name for name, one in SERVICES.items() if not {"image", "build"} & set(one)} == set()
    assert set(OURS) <= set(SERVICES)
    assert "version" not in COMPOSE


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE_TEXT], ids=["Dockerfile", "compose.yaml"])
def test_every_setting_named_is_a_setting(text: str) -> None:
    known = {f"ADQUEM_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"ADQUEM_[A-Z_]+", text)) - known == set()


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_a_command_that_exists(name: str) -> None:
    assert SERVICES[name]["command"][0] in subcommands()


def test_the_image_runs_a_command_that_exists() -> None:
    assert rest_of("ENTRYPOINT") == ['["adquem"]']
    (arguments,) = rest_of("CMD")
    assert yaml.safe_load(arguments)[0] in subcommands()


@pytest.mark.parametrize("name", OURS)
def test_our_services_cannot_write_outside_their_scratch(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["tmpfs"] == ["/tmp"]
    assert "volumes" not in SERVICES[name]


def test_what_a_service_waits_for_exists() -> None:
    waits = {(name, other) for name, one in SERVICES.items() for other in one.get("depends_on", ())}
    assert {(name, other) for name, other in waits if other not in SERVICES} == set()
    for name in ("api", "worker"):
        condition = SERVICES[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"


def test_only_the_api_has_a_health_check_over_http() -> None:
    assert "healthcheck" not in SERVICES["api"]  # the image's
    for name in ("migrate", "worker"):
        assert SERVICES[name]["healthcheck"] == {"disable": True}


def test_no_secret_has_a_default() -> None:
    asked = re.findall(r"\$\{(\w+)(:[?-])", COMPOSE_TEXT)
    secret = [(name, mark) for name, mark in asked if re.search("KEY|PASSWORD", name)]
    assert {name for name, _ in secret} == {"ADQUEM_SECRET_KEY", "POSTGRES_PASSWORD"}
    assert {mark for _, mark in secret} == {":?"}


def test_nothing_listens_beyond_this_machine() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_image_does_not_run_as_root() -> None:
    names = [name for name, _ in instructions(DOCKERFILE)]
    assert rest_of("USER") == ["adquem"]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name == "RUN")


def test_the_image_copies_only_what_exists_and_fetches_nothing_by_address() -> None:
    assert rest_of("ADD") == []
    assert "://" not in "".join(rest_of("COPY") + rest_of("RUN"))
    copied = {source for rest in rest_of("COPY") for source in shlex.split(rest)[:-1]}
    assert {source for source in copied if not (ROOT / source).exists()} == set()
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {source for source in copied if f"!{source}" not in ignored} == set()


def test_the_image_holds_everything_that_the_code_reads() -> None:
    copied = {source for rest in rest_of("COPY") for source in shlex.split(rest)[:-1]}
    assert {"service", "workers", "templates", "alembic", "pyproject.toml"} <= copied


def test_what_the_image_installs_is_checked_against_hashes() -> None:
    installs = [
        part for rest in rest_of("RUN") for part in rest.split("&&") if "pip install" in part
    ]
    assert len(installs) == 2
    for one in installs:
        assert "--require-hashes" in one or ("--no-deps" in one and "--no-build-isolation" in one)
