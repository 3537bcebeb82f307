"""How each record of `tenancy` stands in its table."""

from __future__ import annotations

from postroad.storage.cipher import Cipher
from postroad.storage.rows import Shape
from postroad.tenancy.names import name_key
from postroad.tenancy.records import (
    ApiKey,
    App,
    Developer,
    Operator,
    RelayAccount,
    Route,
    User,
    UserToken,
)


class Shapes:
    """All of them, with the cipher for what is encrypted."""

    def __init__(self, cipher: Cipher) -> None:
        self.developer = Shape(Developer, "developer")
        self.app = Shape(
            App,
            "app",
            sealed=frozenset({"signature", "old_signature"}),
            cipher=cipher,
            keyed={"name_key": ("name", name_key)},
        )
        self.user = Shape(User, "app_user")
        self.token = Shape(UserToken, "user_token")
        self.key = Shape(ApiKey, "api_key")
        self.relay = Shape(RelayAccount, "relay", derived={"has_secret": "secret IS NOT NULL"})
        self.route = Shape(Route, "route")
        self.operator = Shape(Operator, "operator")
