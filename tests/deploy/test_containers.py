"""The container files say what the README says: every part, health checks, no privileges, no default secret."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.parts import KINDS
from deploy.registry import GATEWAY, SERVICES
from gateway.settings import GatewaySettings
from shared.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, Any] = COMPOSE["services"]
OURS = {name: each for name, each in CONTAINERS.items() if str(each.get("image", "")).startswith("trastienda-")}
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
SECRETS = ("PASSWORD", "SECRET", "KEY")


def is_one_shot(name: str) -> bool:
    """Tell whether a container ends when its work is done; it is tried again when that failed."""
    return name in OURS and OURS[name]["command"][0] == "migrate"


def test_every_part_of_every_service_has_a_container() -> None:
    commands = {tuple(each["command"]) for each in OURS.values()}
    assert commands == {(kind, name) for kind in KINDS for name in SERVICES} | {("serve", GATEWAY)}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_watched_and_pinned(name: str) -> None:
    container = CONTAINERS[name]
    one_shot = is_one_shot(name)
    from_image = "HEALTHCHECK" in DOCKERFILE and name in OURS
    assert one_shot or from_image or container["healthcheck"]["test"]
    assert name in OURS or re.search(r":v?\d+\.\d+", container["image"]), "an image without a version"


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_cannot_gain_privileges(name: str) -> None:
    container = CONTAINERS[name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container.get("read_only") is True or name == "kafka"
    assert container["restart"] == ("on-failure:5" if is_one_shot(name) else "unless-stopped")


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_privileges(name: str) -> None:
    container = OURS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container["deploy"]["resources"]["limits"]["memory"]
    assert "USER 10001" in DOCKERFILE


def test_no_secret_has_a_default() -> None:
    for name, container in CONTAINERS.items():
        for setting, value in container.get("environment", {}).items():
            if any(word in setting for word in SECRETS) or "PASSWORD" in str(value):
                assert re.search(r"\$\{[A-Z0-9_]+:\?[^}]+\}", str(value)), (name, setting)
    asked = set(re.findall(r"\$\{([A-Z0-9_]+):\?", (ROOT / "docker-compose.yml").read_text()))
    offered = dict(
        line.split("=") for line in (ROOT / "deploy" / "example.env").read_text().splitlines() if "=" in line
    )
    assert asked <= offered.keys()
    assert all(not offered[name] for name in asked)


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one(name: str) -> None:
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    known |= {f"{PREFIX}GATEWAY_{field.upper()}" for field in GatewaySettings.model_fields}
    assert OURS[name]["environment"].keys() <= known


def test_the_gateway_reaches_every_service_and_alone_is_published() -> None:
    upstreams = json.loads(CONTAINERS[GATEWAY]["environment"]["TRASTIENDA_GATEWAY_UPSTREAMS"])
    assert upstreams == {name: f"http://{name}:8000" for name in SERVICES}
    published = {name: each["ports"] for name, each in CONTAINERS.items() if "ports" in each}
    assert published.keys() == {GATEWAY, "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_only_services_reach_what_asks_for_no_credentials() -> None:
    joined: dict[str, set[str]] = {"front": set(), "backing": set()}
    for name, container in CONTAINERS.items():
        for network in container.get("networks", ["default"]):
            joined.setdefault(network, set()).add(name)
    ours = set(OURS) - {GATEWAY}
    assert joined == {
        "front": ours | {GATEWAY, "prometheus", "grafana"},
        "backing": ours | {"postgres", "kafka", "seaweedfs"},
    }
    assert COMPOSE["networks"].keys() == joined.keys()
    assert COMPOSE["networks"]["backing"]["internal"] is True


def test_who_depends_on_whom_exists() -> None:
    for name, container in CONTAINERS.items():
        for needed, how in container.get("depends_on", {}).items():
            assert needed in CONTAINERS, name
            one_shot = is_one_shot(needed)
            assert how["condition"] == ("service_completed_successfully" if one_shot else "service_healthy")


def test_the_recipe_copies_what_the_context_holds() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for path in source.split():
            name = path.replace("${PART}", "billing").rstrip("/")
            assert (ROOT / name).exists(), name
            kept = (line.removeprefix("!").replace("*.txt", "") for line in ignored if line.startswith("!"))
            assert any(name.startswith(each.rstrip("/")) for each in kept), f"{name} is not in the build's context"


def test_the_recipe_copies_what_a_part_imports_of_deploy() -> None:
    copied = set(re.findall(r"deploy/(\w+)\.py", DOCKERFILE))
    for name in copied:
        imported = re.findall(r"^ *from deploy\.(\w+)", (ROOT / "deploy" / f"{name}.py").read_text(), re.MULTILINE)
        assert set(imported) <= copied, name


def test_prometheus_asks_every_part_and_its_rules_use_our_metrics() -> None:
    folder = ROOT / "deploy" / "prometheus"
    scrape = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"][0]["static_configs"]
    targets = {target for group in scrape for target in group["targets"]}
    long_running = {name for name, each in OURS.items() if each["command"][0] != "migrate"}
    assert targets == {f"{name}:8000" for name in long_running}
    rules = yaml.safe_load((folder / "rules.yml").read_text())["groups"][0]["rules"]
    assert unknown_metrics([rule["expr"] for rule in rules]) == set()
    assert all(rule["labels"]["severity"] in {"page", "ticket"} and rule["annotations"]["summary"] for rule in rules)


def test_the_dashboard_uses_our_metrics() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "trastienda.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(expressions) >= 8
    assert unknown_metrics(expressions) == set()


def unknown_metrics(expressions: list[str]) -> set[str]:
    """Return the metric names that nothing exports."""
    declared = (ROOT / "shared" / "metrics.py").read_text() + (ROOT / "gateway" / "metrics.py").read_text()
    used = {name for text in expressions for name in re.findall(r"trastienda_[a-z_]+", text)}
    return {name for name in used if name.removesuffix("_bucket") not in declared}
