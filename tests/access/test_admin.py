"""The admin: looking is free, changing goes through the verbs, and nobody types a state."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.forms import ModelForm
from django.test import Client, RequestFactory
from django.urls import reverse

from access import clock, enrollment, halting, roles
from access.models import Cohort, Entry, Outbox, Program, Role, User
from tests import make

pytestmark = pytest.mark.django_db
OURS = {"access", "generation", "review"}


@pytest.fixture
def chief() -> User:
    return make.user(is_staff=True, is_superuser=True)


@pytest.fixture
def desk(chief: User) -> Client:
    client = Client()
    client.force_login(chief)
    return client


# What may be typed in the admin; everything else is written by verbs, whoever asks.
TYPED = {"Program", "Cohort", "Pipeline"}
ADDED = TYPED | {"Role"}


def pages_of_ours() -> dict[str, admin.ModelAdmin]:
    return {model.__name__: page for model, page in admin.site._registry.items() if model._meta.app_label in OURS}


def test_even_a_superuser_types_nothing_but_settings(rf: RequestFactory, chief: User) -> None:
    request = rf.get("/")
    request.user = chief
    pages = pages_of_ours()
    assert {name for name, page in pages.items() if page.has_change_permission(request)} == TYPED
    assert {name for name, page in pages.items() if page.has_add_permission(request)} == ADDED
    assert {name for name, page in pages.items() if page.has_delete_permission(request)} == set()


def test_every_list_opens_and_a_row_of_state_can_only_be_looked_at(desk: Client) -> None:
    program = make.program()
    make.agreement(program=program)
    make.artist(program=program)
    halting.halt(program, program=program, by=None, reason="Why")
    opened = 0
    for model in admin.site._registry:
        if model._meta.app_label not in OURS:
            continue
        place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert desk.get(reverse(f"{place}_changelist")).status_code == 200, place
        if model.__name__ not in ADDED:
            assert desk.get(reverse(f"{place}_add")).status_code == 403, place
            row = model._default_manager.first()
            if row is not None:
                shown = desk.get(reverse(f"{place}_change", args=[row.pk]))
                assert shown.status_code == 200, place
                assert 'name="_save"' not in shown.text, place
                assert desk.post(reverse(f"{place}_delete", args=[row.pk])).status_code == 403, place
                opened += 1
    assert opened > 6


def test_no_secret_is_shown(desk: Client, chief: User) -> None:
    program = make.program()
    make.cohort(program=program)
    made = enrollment.invite("ada@example.org", cohort=Cohort.objects.get(), by=None)
    pages = {
        "access_user": chief,
        "access_invitation": made.invitation,
        "access_outbox": Outbox.objects.get(),
    }
    for place, row in pages.items():
        page = desk.get(reverse(f"admin:{place}_change", args=[row.pk])).text
        for secret in (made.token, made.invitation.token_hash, chief.password):
            assert secret not in page, place


# --- roles ------------------------------------------------------------------------------------------------------------


def give(desk: Client, user: User, program: Program) -> int:
    form = {"program": program.pk, "user": str(user.pk), "kind": "reviewer"}
    return desk.post(reverse("admin:access_role_add"), form).status_code


def take(desk: Client, role: Role) -> int:
    form = {"action": "revoke", "_selected_action": [role.pk]}
    return desk.post(reverse("admin:access_role_changelist"), form).status_code


def test_a_role_is_given_and_taken_by_the_verbs(desk: Client, chief: User) -> None:
    program, user = make.program(), make.user()
    assert give(desk, user, program) == 302
    role = Role.objects.get()
    assert (role.user, role.program, role.kind) == (user, program, "reviewer")
    assert give(desk, user, program) == 409, "the same role twice"
    assert take(desk, role) == 302
    role.refresh_from_db()
    assert role.revoked_at is not None
    entries = Entry.objects.order_by("number").values_list("act", "actor")
    assert list(entries) == [("grant_role", str(chief.pk)), ("revoke_role", str(chief.pk))]
    assert give(desk, user, program) == 302, "and again"
    assert Role.objects.live().count() == 1


def test_who_may_only_look_takes_no_role_away() -> None:
    looker = make.user(is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_role"))
    role = roles.grant_role(make.user(), "lead", program=make.program(), by=None)
    client = Client()
    client.force_login(looker)
    assert client.get(reverse("admin:access_role_changelist")).status_code == 200
    take(client, role)
    role.refresh_from_db()
    assert role.revoked_at is None


# --- settings ---------------------------------------------------------------------------------------------------------


def cohort_form(cohort: Cohort, **changes: object) -> dict[str, object]:
    names = ("name", "kind", "seats", "daily_quota", "concurrency", "max_steps", "max_variations")
    return {"program": cohort.program_id, **{name: getattr(cohort, name) for name in names}, **changes}


def test_a_setting_is_on_record_with_the_names_of_what_changed(desk: Client, chief: User) -> None:
    cohort = make.cohort(program=make.program(), seats=5)
    url = reverse("admin:access_cohort_change", args=[cohort.pk])
    assert desk.post(url, cohort_form(cohort, seats=7, daily_quota=3)).status_code == 302
    cohort.refresh_from_db()
    assert (cohort.seats, cohort.daily_quota) == (7, 3)
    entry = Entry.objects.get()
    assert (entry.act, entry.actor, entry.facts) == (
        "change_cohort",
        str(chief.pk),
        '{"fields":["daily_quota","seats"]}',
    )


def test_taken_seats_are_neither_typed_nor_fallen_below(desk: Client) -> None:
    cohort = make.cohort(program=make.program(), seats=5)
    make.artist(program=cohort.program, cohort=cohort)
    make.artist(program=cohort.program, cohort=cohort)
    url = reverse("admin:access_cohort_change", args=[cohort.pk])
    assert desk.post(url, cohort_form(cohort, seats=1)).status_code == 200  # the form again, with the reason
    desk.post(url, cohort_form(cohort, taken=0))
    cohort.refresh_from_db()
    assert (cohort.seats, cohort.taken) == (5, 2)


def test_a_seat_that_is_taken_while_staff_type_stays_taken(rf: RequestFactory, chief: User) -> None:
    cohort = make.cohort(program=make.program(), seats=5)
    on_the_screen = Cohort.objects.get(pk=cohort.pk)
    make.artist(program=cohort.program, cohort=cohort)
    request = rf.post("/")
    request.user = chief
    page = admin.site._registry[Cohort]
    form: ModelForm = page.get_form(request, on_the_screen)(cohort_form(cohort, seats=7), instance=on_the_screen)
    assert form.is_valid(), form.errors
    page.save_model(request, form.save(commit=False), form, True)
    cohort.refresh_from_db()
    assert (cohort.seats, cohort.taken) == (7, 1)


def test_a_program_made_in_the_admin_has_its_instant_and_a_real_zone(desk: Client) -> None:
    form = {"name": "New", "slug": "new", "about": "", "time_zone": "Europe/Vienna"}
    url = reverse("admin:access_program_add")
    assert desk.post(url, {**form, "time_zone": "Vienna/Europe"}).status_code == 200
    assert not Program.objects.exists()
    assert desk.post(url, form).status_code == 302
    assert Program.objects.get().created_at <= clock.now()
    assert Entry.objects.get().act == "create_program"
