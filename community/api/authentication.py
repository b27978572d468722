"""Who asks: the key that a request carries."""

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from community.api.problems import KeyMissingError, KeyRefusedError
from community.domain.scopes import SCOPE_MEANINGS, Scope, ScopeMissingError
from community.models import ApiKey
from community.services.api_keys import verify


class KeyedRequest(HttpRequest):
    """A request that a key has let in."""

    auth: ApiKey


def key_of(request: HttpRequest, *, scope: Scope) -> ApiKey | None:
    """Finds the key that a request shows, if it shows any.

    Raises:
        KeyRefusedError: if what it shows is no key, or one that is not valid now.
        ScopeMissingError: if the key may not do what ``scope`` says.
    """
    header = request.headers.get("Authorization")
    if header is None:
        return None
    kind, _, text = header.strip().partition(" ")
    key = verify(text.strip(), now=timezone.now()) if kind.lower() == "bearer" else None
    if key is None:
        raise KeyRefusedError
    if scope not in key.scopes:
        raise ScopeMissingError(scope=scope)
    return key


def guild_ids_of(key: ApiKey) -> frozenset[int] | None:
    """Tells which guilds a key is confined to; None where it reaches all."""
    return frozenset(guild.pk for guild in key.guilds.all()) or None


class ApiKeyAuth(HttpBearer):
    """Lets in whoever shows a key that has a scope."""

    openapi_description = (
        "A key that staff make in the admin, under API keys. Its scopes: "
        + ", ".join(f"{scope} ({meaning})" for scope, meaning in SCOPE_MEANINGS.items())
        + "."
    )

    def __init__(self, scope: Scope) -> None:
        """Asks for a scope.

        Args:
            scope: what the key has to allow.
        """
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> ApiKey:
        """Reads the header itself: ninja's own reading logs it where it looks odd."""
        key = key_of(request, scope=self.scope)
        if key is None:
            raise KeyMissingError
        return key

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        """Never called: ``__call__`` does its work."""
        raise NotImplementedError
