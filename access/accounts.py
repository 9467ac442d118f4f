"""How allauth behaves here: nobody signs up; an accepted invitation is the only way in."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from access import clock
from access.models import Credential


class InvitationOnly(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def logout(self, request: HttpRequest) -> None:
        """Sign out, which ends the credential of this session as well."""
        credential: Credential | None = getattr(request, "credential", None)
        if credential is not None:
            credential.end(clock.now())
        super().logout(request)
