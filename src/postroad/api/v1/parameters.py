"""The parameters that calls of /v1 share, and what the framework hands to their handlers."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from postroad.operations.management.reach import Reach
from postroad.operations.management.service import Management

CallerReach = NamedDependency[Reach]
TheManagement = NamedDependency[Management]
Id = FromPath[str]

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="How many, at most.")]
Cursor = Annotated[
    str | None, QueryParameter(description="`next` of the page before.", max_length=200)
]
OfApp = Annotated[str | None, QueryParameter(description="Only those of this app.", max_length=64)]
OfRelay = Annotated[
    str | None,
    QueryParameter(description="Only those that this relay was chosen for.", max_length=64),
]
To = Annotated[
    str | None, QueryParameter(description="Only those to this address.", max_length=320)
]
Since = Annotated[
    str | None,
    QueryParameter(
        description="Not before this time, given with its zone.", format="date-time", max_length=40
    ),
]
Until = Annotated[
    str | None,
    QueryParameter(
        description="Before this time, given with its zone.", format="date-time", max_length=40
    ),
]
Text = Annotated[
    str | None,
    QueryParameter(
        description="A part of the subject or of an address.", min_length=1, max_length=200
    ),
]
Lang = Annotated[
    Literal["ko", "zh", "en"], QueryParameter(description="The language of explanations.")
]
