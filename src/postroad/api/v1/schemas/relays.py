"""Relays, and the routes that lead to them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, UnsetType

from postroad.api.v1.schemas.tenants import Appid, Name, Owner, Secret, Text
from postroad.api.v1.schemas.view import Body, Instant, View
from postroad.operations.administration import relays, routes
from postroad.operations.administration.fields import Rules
from postroad.tenancy.records import Maker, Security


class Relay(View, frozen=True, kw_only=True):
    """A relay, without its password."""

    id: str
    app_id: str | None
    name: str
    host: str
    port: int
    created_at: Instant
    security: Security
    preset: str
    username: str
    has_secret: bool
    verify: bool
    cafile: str
    allow_clear_auth: bool
    is_enabled: bool
    paused: str
    connections: int
    per_minute: int
    per_day: int
    made_by: Maker


class RelayChange(Body, frozen=True, kw_only=True):
    """What is to be changed of a relay; what is left out stays. Another host needs the password."""

    rules: ClassVar[Rules] = relays.RULES

    name: Name | UnsetType = UNSET
    preset: Annotated[str, Meta(examples=["naver"], max_length=100)] | UnsetType = UNSET
    region: Annotated[str, Meta(description="Of the preset ses.")] | UnsetType = UNSET
    host: Annotated[str, Meta(max_length=255, examples=["smtp.a.example"])] | UnsetType = UNSET
    port: int | UnsetType = UNSET
    security: Security | UnsetType = UNSET
    username: Text | UnsetType = UNSET
    password: Secret | UnsetType = UNSET
    verify: bool | UnsetType = UNSET
    cafile: Text | UnsetType = UNSET
    allow_clear_auth: bool | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET
    paused: Text | UnsetType = UNSET
    connections: int | UnsetType = UNSET
    per_minute: int | UnsetType = UNSET
    per_day: int | UnsetType = UNSET


class NewRelay(RelayChange, frozen=True, kw_only=True):
    """A relay to be made; one of the operator's own, an `appid` of null, is for every app."""

    name: Name
    app_id: Owner | UnsetType | None = UNSET

    not_fields: ClassVar[frozenset[str]] = frozenset({"name", "app_id"})


class Route(View, frozen=True, kw_only=True):
    """Which relay carries which of an app's mail."""

    id: str
    app_id: str
    relay_id: str
    created_at: Instant
    from_: str
    position: int


class RouteChange(Body, frozen=True, kw_only=True):
    """What is to be changed of a route; what is left out stays."""

    rules: ClassVar[Rules] = routes.RULES

    relay: Annotated[str, Meta(description="The relay's id.", max_length=64)] | UnsetType = UNSET
    from_: (
        Annotated[str, Meta(description='An address, a domain as `@b.example`, or "" for any.')]
        | UnsetType
    ) = UNSET
    position: int | UnsetType = UNSET


class NewRoute(RouteChange, frozen=True, kw_only=True):
    """A route to be made."""

    relay: Annotated[str, Meta(description="The relay's id.", max_length=64)]
    app_id: Appid | UnsetType = UNSET

    not_fields: ClassVar[frozenset[str]] = frozenset({"relay", "app_id"})
