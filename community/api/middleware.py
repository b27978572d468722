"""What holds for every answer under ``/api/`` and for ``/metrics``, whoever gave it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from community.api.problems import problem_of_status

PREFIXES: Final = ("/api/", "/metrics")

_MESSAGES: Final = {
    400: "The request is malformed or too large.",
    403: "This is not allowed.",
    404: "There is nothing here; /api/docs shows what there is.",
    405: "This method is not allowed here.",
    500: "Something broke here; it has been logged.",
}
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
# Swagger's page: its own scripts, and the styles and pictures that they write into it.
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)


class ApiAnswers:
    """Puts Django's own refusals into the API's shape, and sets the headers of safety.

    Django and ninja answer an unknown address or method with a page before any of the
    API's code runs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wraps the rest of the site.

        Args:
            get_response: what answers the request.
        """
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answers a request."""
        response = self.get_response(request)
        if not request.path_info.startswith(PREFIXES):
            return response

        is_page = response.get("Content-Type", "").startswith("text/html")
        message = _MESSAGES.get(response.status_code)
        # A page that tells a developer what broke is of more use as it is.
        is_broken = response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        if message and is_page and not (settings.DEBUG and is_broken):
            refusal = problem_of_status(response.status_code, message)
            if "Allow" in response:
                refusal["Allow"] = response["Allow"]
            response, is_page = refusal, False
        response["Content-Security-Policy"] = _PAGE_POLICY if is_page else _DATA_POLICY
        response["X-Content-Type-Options"] = "nosniff"
        response.setdefault("Cache-Control", "no-store")
        return response
