"""At every moment of a rotation, whoever signs is believed by whoever reads."""

from __future__ import annotations

import pytest

from cli.deploy_rotate import KEPT, rotate_secret_key, rotate_webhook_secret
from shared.core.errors import GasError


class Secrets:
    """Secrets Manager from memory."""

    def __init__(self, **found: str) -> None:
        self.found = found

    def read(self) -> dict[str, str]:
        return dict(self.found)

    def write(self, secrets: dict[str, str]) -> None:
        self.found = dict(secrets)

    @property
    def keys(self) -> list[str]:
        return self.found["GAS_SECRET_KEY"].split(",")


class Servers:
    """Two of them, replaced one after the other; each is told the secrets at its start."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.told = [secrets.keys, secrets.keys]
        self.replacements = 0
        self.fail_at = 0

    def restart(self) -> None:
        self.replacements += 1
        for index in range(len(self.told)):
            self.told[index] = self.secrets.keys
            self.check()
            if self.replacements == self.fail_at:
                raise GasError("gas-servers was not changed")

    def check(self) -> None:
        for signer in self.told:
            assert all(signer[0] in reader for reader in self.told)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(GAS_SECRET_KEY="old", GAS_STRIPE_WEBHOOK_SECRETS="whsec_1", GAS_STRIPE_KEY="rk_1")


@pytest.fixture
def servers(secrets: Secrets) -> Servers:
    return Servers(secrets)


def rotate(secrets: Secrets, servers: Servers, *, forget: bool = False) -> None:
    rotate_secret_key(secrets, servers.restart, forget=forget)  # type: ignore[arg-type]  # as good as the real ones


def test_nobody_is_signed_out_while_servers_are_replaced(secrets: Secrets, servers: Servers) -> None:
    rotate(secrets, servers)
    assert servers.replacements == 2
    assert servers.told == [secrets.keys, secrets.keys]
    assert secrets.keys[0] != "old"
    assert secrets.keys[1:] == ["old"]


@pytest.mark.parametrize("fail_at", [1, 2])
def test_broken_off_it_goes_on_and_nobody_is_signed_out(secrets: Secrets, servers: Servers, fail_at: int) -> None:
    servers.fail_at = fail_at
    with pytest.raises(GasError):
        rotate(secrets, servers)
    new = next(key for key in secrets.keys if key != "old")
    servers.fail_at = 0
    rotate(secrets, servers)
    assert new in secrets.keys
    assert "old" in secrets.keys


def test_broken_off_before_the_new_key_signed_no_other_is_made(secrets: Secrets, servers: Servers) -> None:
    servers.fail_at = 1
    with pytest.raises(GasError):
        rotate(secrets, servers)
    _, new = secrets.keys
    servers.fail_at = 0
    rotate(secrets, servers)
    assert secrets.keys == [new, "old"]


def test_so_many_keys_are_kept_and_no_more(secrets: Secrets, servers: Servers) -> None:
    for _ in range(KEPT + 2):
        rotate(secrets, servers)
    assert len(secrets.keys) == len(set(secrets.keys)) == KEPT
    assert "old" not in secrets.keys


def test_a_key_that_leaked_is_forgotten_at_once(secrets: Secrets) -> None:
    restarts: list[str] = []
    rotate_secret_key(secrets, lambda: restarts.append(""), forget=True)  # type: ignore[arg-type]  # as good as the real ones
    assert len(restarts) == len(secrets.keys) == 1
    assert secrets.keys != ["old"]


def test_of_webhook_secrets_the_newest_two_are_believed(secrets: Secrets) -> None:
    for new in ("whsec_2", "whsec_3", "whsec_3"):
        rotate_webhook_secret(secrets, lambda: None, new)  # type: ignore[arg-type]  # as good as the real ones
    assert secrets.found["GAS_STRIPE_WEBHOOK_SECRETS"] == "whsec_3,whsec_2"
