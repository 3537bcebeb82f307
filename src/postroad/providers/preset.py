"""A preset: what Postroad knows of one mail provider, as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from postroad.errors import SettingsError
from postroad.providers.known import KnownReply, ReasonHint
from postroad.providers.language import Words

Security = Literal["tls", "starttls", "none"]

_REGION = re.compile(r"[a-z]{2}(-[a-z]{1,10}){1,3}-[0-9]{1,2}")  # us-east-1, us-gov-west-1


class UserForm(StrEnum):
    """What a provider takes as the user name of the login."""

    ID_OR_ADDRESS = "id-or-address"  # the bare ID or the full address
    ID = "id"  # the bare ID
    ADDRESS = "address"  # the full address
    FIXED = "fixed"  # the same word for everybody
    KEY = "key"  # a key or token the provider issues
    LOGIN = "login"  # a login the provider issues, which may look like an address


class FromRule(StrEnum):
    """Which From addresses a provider accepts."""

    ACCOUNT = "account"  # the account's own address only
    VERIFIED = "verified"  # the account's and others verified or allowed there
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider listens; `security` is "tls" from the first octet or "starttls"."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True, slots=True)
class UserName:
    """The form of the user name.

    domains: the provider's own mail domains, the first for an address made from a bare ID.
    example: what a user would type.
    """

    form: UserForm
    label: Words
    example: str
    fixed: str = ""
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Documented limits; None where the provider publishes none or it depends on the plan."""

    recipients_per_message: int | None = None
    messages_per_second: int | None = None
    messages_per_minute: int | None = None
    messages_per_day: int | None = None
    recipients_per_day: int | None = None
    size_octets: int | None = None
    note: Words | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the set-up, with a link where there is a page for it."""

    text: Words
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """Host, login, rules, limits, set-up steps and known replies of one provider.

    endpoints:   the first is the default.
    secret:      what the provider calls the password to be used here.
    mechanisms:  SASL mechanisms worth trying, preferred first, in lower case.
    oauth_scope: the scope an access token must carry, where the provider takes tokens.
    """

    name: str
    title: Words
    endpoints: tuple[Endpoint, ...]
    user: UserName
    secret: Words
    from_rule: FromRule
    mechanisms: tuple[str, ...]
    limits: Limits
    steps: tuple[Step, ...]
    replies: tuple[KnownReply, ...]
    hints: tuple[ReasonHint, ...] = ()
    oauth_scope: str | None = None
    drops_spaces_in_password: bool = False

    @property
    def needs_region(self) -> bool:
        """The host name still waits for a region."""
        return any("{region}" in endpoint.host for endpoint in self.endpoints)

    @property
    def needs_username(self) -> bool:
        """The caller must give a user name."""
        return self.user.form is not UserForm.FIXED

    @property
    def takes_password(self) -> bool:
        """A password can log in at all; otherwise only an access token can."""
        return any(mechanism in ("plain", "login") for mechanism in self.mechanisms)

    def resolve(self, *, region: str | None = None) -> Preset:
        """Return this preset with its host names complete.

        raises: SettingsError when a region is missing, malformed, or not wanted.
        """
        if not self.needs_region:
            if region:
                raise SettingsError(f"region: the preset {self.name} has no regions")
            return self
        if not region:
            raise SettingsError(f'region: the preset {self.name} needs one, such as "us-east-1"')
        if not _REGION.fullmatch(region):
            raise SettingsError(f'region: {_shown(region)} is not a region such as "us-east-1"')
        endpoints = tuple(
            replace(endpoint, host=endpoint.host.replace("{region}", region))
            for endpoint in self.endpoints
        )
        return replace(self, endpoints=endpoints)

    def endpoint(self, security: str | None = None) -> Endpoint:
        """Return the default endpoint, or the first with `security`.

        raises: SettingsError when there is none, or a region is missing.
        """
        if self.needs_region:
            self.resolve()
        for endpoint in self.endpoints:
            if security is None or endpoint.security == security:
                return endpoint
        offered = ", ".join(f"{each.security} on port {each.port}" for each in self.endpoints)
        raise SettingsError(f"security: {self.name} offers {offered}, not {_shown(security or '')}")

    def user_name_for(self, username: str | None) -> str:
        """Return the user name of the login for what the caller gave.

        raises: SettingsError when it cannot be one here; the message says what is wanted.
        """
        form = self.user.form
        if form is UserForm.FIXED:
            return self.user.fixed
        wanted = f"{self.user.label.en}, such as {self.user.example}"
        if not username or not username.strip():
            raise SettingsError(f"username: the preset {self.name} needs the {wanted}")
        name, at, domain = username.rpartition("@")
        if form is UserForm.ADDRESS and not (name and domain):
            raise SettingsError(
                f"username: {self.name} needs the {wanted}; {_shown(username)} has no @"
                if not at
                else f"username: {self.name} needs the {wanted}; {_shown(username)} is not one"
            )
        if form is UserForm.ID and at:
            if name and domain.lower() in self.user.domains:
                return name
            raise SettingsError(f"username: {self.name} needs the {wanted}, not an address")
        if form is UserForm.KEY and at:
            raise SettingsError(f"username: {self.name} needs the {wanted}, not an address")
        return username

    def from_address_for(self, username: str | None) -> str | None:
        """Return the account's own address, or None when the user name does not tell it.

        raises: SettingsError as `user_name_for`.
        """
        self.user_name_for(username)
        if self.user.form in (UserForm.FIXED, UserForm.KEY, UserForm.LOGIN) or username is None:
            return None
        if "@" in username:
            return username
        return f"{username}@{self.user.domains[0]}"

    def clean_password(self, password: str) -> str:
        """Return the password as the server wants it.

        Google shows app passwords in four groups and accepts them only without the spaces.
        """
        return "".join(password.split()) if self.drops_spaces_in_password else password


def _shown(value: str) -> str:
    return ascii(value[:80])
