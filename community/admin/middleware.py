"""What holds for every request to the admin."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.urls import reverse


class NoNulInQueries:
    """Refuses an admin address whose query holds a NUL, which no text in PostgreSQL does.

    Forms refuse it themselves; filters, searches and autocompletes hand what the address
    says on to the database, whose refusal would be an error of ours.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wraps the rest of the site.

        Args:
            get_response: what answers the request.
        """
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answers a request."""
        if request.path_info.startswith(reverse("admin:index")):
            for name, values in request.GET.lists():
                if any("\0" in text for text in (name, *values)):
                    raise BadRequest
        return self.get_response(request)
