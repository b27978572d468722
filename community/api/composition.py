"""The API as a whole, from the routers that the apps bring."""

from collections.abc import Iterable

from ninja import NinjaAPI, Router, Swagger

from community.api.fields import stray_parameters_refused
from community.api.problems import translate_errors
from community.domain.version import VERSION

DESCRIPTION = """\
Who was in voice, when and for how long.

**Keys.** Staff make them in the admin, under *API keys*: with scopes, for all guilds or some,
and with an end. Send yours with each request: `Authorization: Bearer rc_...`. A record of a
guild that your key does not reach is as if it were not there.

**Ids** are strings: Discord's do not fit JavaScript's numbers.

**Times** are ISO 8601 in UTC, to the microsecond. In requests, any offset will do; write `+`
as `%2B`.

**Certainty.** A boundary that was not observed live says by how many seconds it may be off
(`start_uncertainty`, `end_uncertainty`); a duration and a sum of durations say the same
(`uncertainty_seconds`). The stretches in which nobody watched are the blind gaps.

**Writing** is done in the name of the account that made the key, and takes what that account
may do in the admin. Of what has a version, name the one that you saw (`expected_version`): what
somebody else changed meanwhile is then a conflict (409), and not lost. What makes something can
be sent again with the same `Idempotency-Key`, and makes it once. An answer of 202 says that the
bot was asked: what comes of it is read afterwards.

**Refusals** have one shape: `{"code": ..., "message": ..., "field": ...}`, with `field` where
one parameter is at fault. Unknown parameters are refused, so that a misspelled filter does
not answer with everything.
"""


def build_api(*, routers: Iterable[tuple[str, Router]]) -> NinjaAPI:
    """Puts the API together.

    Args:
        routers: each with the path that it stands under.
    """
    api = NinjaAPI(
        title="Rollcall API",
        version=VERSION,
        description=DESCRIPTION,
        urls_namespace="api",
        # Without validatorUrl null the page would ask a validator elsewhere.
        docs=Swagger(settings={"validatorUrl": None, "tryItOutEnabled": True}),
    )
    translate_errors(api)
    api.add_decorator(stray_parameters_refused)
    for prefix, router in routers:
        api.add_router(prefix, router)
    return api
