"""REST's rate limits: a bucket for each route and major parameter, and one over all."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field

#: Requests of one bot over all routes in a second.
GLOBAL_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


#: Discord doesn't publish its figures; these are what its headers are seen to say.
USUAL = Limit(10, 2.0)
OF_ROUTE = {
    "PATCH /guilds/{guild}/members/{user}": Limit(10, 10.0),
    "POST /guilds/{guild}/channels": Limit(10, 10.0),
    "POST /channels/{channel}/messages": Limit(5, 5.0),
    "GET /guilds/{guild}/members": Limit(10, 10.0),
}
#: Changes of a channel's name, which Discord limits beyond what its headers say.
RENAMES = Limit(2, 600.0)


@dataclass(slots=True)
class Bucket:
    """What is left of a limit until it begins anew."""

    limit: Limit
    remaining: int
    reset_at: float

    def take(self, now: float) -> float:
        """Takes one request; gives the seconds to wait if there is none left, else 0."""
        if now >= self.reset_at:
            self.remaining, self.reset_at = self.limit.requests, now + self.limit.seconds
        if self.remaining == 0:
            return self.reset_at - now
        self.remaining -= 1
        return 0.0


@dataclass(slots=True)
class Limits:
    """Every bucket.

    Attributes:
        on: switched off, nothing is refused; the headers come all the same.
    """

    on: bool = True
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def bucket(self, route: str, major: str, limit: Limit | None = None) -> Bucket:
        """Finds the bucket of a route and its guild or channel."""
        key = (route, major)
        if key not in self.buckets:
            limit = limit or OF_ROUTE.get(route, USUAL)
            self.buckets[key] = Bucket(limit, limit.requests, 0.0)
        return self.buckets[key]

    def headers(self, route: str, bucket: Bucket) -> dict[str, str]:
        """Says in Discord's headers what is left."""
        after = max(0.0, bucket.reset_at - time.time())
        return {
            "X-RateLimit-Limit": str(bucket.limit.requests),
            "X-RateLimit-Remaining": str(bucket.remaining),
            "X-RateLimit-Reset": f"{bucket.reset_at:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(route.encode()).hexdigest()[:32],
        }
