"""Who may use which URL: one literal table for all of them, walked by real people. A URL that is not in it fails.

To add a page: one line in ``PAGES``. The audience is what its decorator says; ``own`` means that even another artist of
the same program does not find it; an exception for one role goes into ``EXCEPTIONS``, with its reason.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from access import clock, enrollment, halting
from generation import keeping
from generation.models import Preview
from review import escalating, goldens, habits, sharing, transparency
from review.models import Contest, RiskRule
from tests import make
from tests.review.cast import make_cast

pytestmark = pytest.mark.django_db

ANONYMOUS = {
    "home",
    "healthz",
    "invitation",
    "media",  # bytes behind a public link; the media rules decide
    "share_page",
    "share_media",
    "share_embed",
    "showcase",
    "program_showcase",
    "transparency",
    "transparency_csv",
    "every_transparency_csv",
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",  # says that it is closed
    "account_email_verification_sent",
    "account_confirm_email",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_request_login_code",
    "account_confirm_login_code",
    "admin:login",  # leads to the ordinary sign-in
}

# Not ours: allauth's pages and the admin's, each behind its own prefix.
FOREIGN = ("accounts/", "admin/")

# Name: audience, method, and "own" if only the one artist finds it.
PAGES = {
    "home": "anyone get",
    "healthz": "anyone get",
    "invitation": "anyone post",
    "media": "anyone get",
    "share_page": "anyone get",
    "share_media": "anyone get",
    "share_embed": "anyone get",
    "showcase": "anyone get",
    "program_showcase": "anyone get",
    "transparency": "anyone get",
    "transparency_csv": "anyone get",
    "every_transparency_csv": "anyone get",
    "notices": "signed_in get",
    "policy": "signed_in get",
    "agreements": "artist get",
    "terms": "artist get",
    "studio": "artist get",
    "keep_draft": "artist post",
    "surprise": "artist post",
    "start_afresh": "artist post",
    "bring_back_draft": "artist post",
    "upload_first_frame": "artist post",
    "library": "artist get",
    "job_history": "artist get",
    "compare": "artist get",
    "star": "artist post own",
    "tag": "artist post own",
    "collections": "artist get",
    "collection": "artist get own",
    "delete_collection": "artist post own",
    "queue": "artist get",
    "pause_queue": "artist post",
    "resume_queue": "artist post",
    "cancel_queued": "artist post",
    "live": "artist get",
    "job": "artist get own",
    "job_live": "artist get own",
    "job_preview": "artist get own",
    "cancel_job": "artist post own",
    "vary_job": "artist post own",
    "repeat_job": "artist post own",
    "retry_job": "artist post own",
    "download_clip": "artist get own",
    "download_recipe": "artist get own",
    "submit": "artist get own",
    "submissions": "artist get",
    "submission": "artist get own",
    "answer": "artist post own",
    "say_critique": "artist post own",
    "appeal": "artist post own",
    "choose_mail": "artist post",
    "decisions": "signed_in get",
    "decision_proof": "signed_in get",
    "withdraw": "artist post own",
    "open_link": "artist post own",
    "revoke_link": "signed_in post own",
    "choose_showcase": "artist post own",
    "review_queue": "reviewer get",
    "review_list": "reviewer get",
    "review_rules": "lead get",
    "review_rule": "lead get",
    "review_rule_try": "lead post",
    "review_rule_switch": "lead post",
    "review_opening": "staff get",
    "review_terms": "staff get",
    "review_policies": "staff get",
    "review_lead": "lead get",
    "review_advise": "lead post",
    "review_break": "lead post",
    "review_agreement": "lead get",
    "choose_golden": "lead get",
    "retire_golden": "lead post",
    "answer_contest": "lead post",
    "review_qa": "reviewer get",
    "contest": "reviewer post",
    "review_mine": "reviewer get",
    "review_reveals": "reviewer post",
    "review_opt_outs": "reviewer post",
    "review_phrase": "reviewer post",
    "review_phrase_edit": "reviewer post",
    "review_phrase_delete": "reviewer post",
    "review_next": "reviewer post",
    "review": "reviewer get",
    "review_claim": "reviewer post",
    "review_reveal": "reviewer post",
    "review_renew": "reviewer post",
    "review_leave": "reviewer post",
    "review_release": "reviewer post",
    "review_ahead": "reviewer post",
    "review_here": "reviewer post",
    "review_draft": "reviewer post",
    "review_skip": "reviewer post",
    "review_escalate": "reviewer post",
    "review_stack": "reviewer post",
    "decide": "reviewer post",
    "review_undo": "reviewer post",
    "staff": "staff get",
    "send_invitation": "staff post",
    "place_halt": "staff post",
    "lift_halt": "staff post",
}

ROLES = ("anonymous", "artist", "peer", "outsider", "reviewer", "lead", "staff", "superuser")

# What a role finds: in (the page, a form to mend, another page), login (the way to sign in), hidden (404).
AUDIENCES = {
    "anyone": dict.fromkeys(ROLES, "in"),
    "signed_in": {**dict.fromkeys(ROLES, "in"), "anonymous": "login"},
    "artist": {**dict.fromkeys(ROLES, "hidden"), "anonymous": "login", "artist": "in", "peer": "in"},
    "reviewer": {**dict.fromkeys(ROLES, "hidden"), "anonymous": "login", "reviewer": "in", "lead": "in"},
    "lead": {**dict.fromkeys(ROLES, "hidden"), "anonymous": "login", "lead": "in"},
    "staff": {**dict.fromkeys(ROLES, "hidden"), "anonymous": "login", "staff": "in"},
}

EXCEPTIONS = {
    # A master is for its artist alone: reviewers are given renditions, the public what a link names.
    "media": {role: "hidden" for role in ROLES if role != "artist"},
    # What was decided about somebody is theirs, also when they have left; nobody else finds it.
    "decision_proof": {role: "hidden" for role in ROLES if role not in ("anonymous", "artist")},
    # A link is its artist's to close, also when they have left.
    "revoke_link": {role: "hidden" for role in ROLES if role not in ("anonymous", "artist")},
    # A program's policy is for those who are in it, in whatever role.
    "policy": {"outsider": "hidden", "superuser": "hidden"},
    # What one reviewer holds or has decided is not another's to move, not even a lead's.
    "review_reveal": {"lead": "hidden"},
    "review_renew": {"lead": "hidden"},
    "review_leave": {"lead": "hidden"},
    "review_release": {"lead": "hidden"},
    "review_draft": {"lead": "hidden"},
    "review_skip": {"lead": "hidden"},
    "review_escalate": {"lead": "hidden"},
    "review_stack": {"lead": "hidden"},
    "decide": {"lead": "hidden"},
    "review_undo": {"lead": "hidden"},
    "contest": {"lead": "hidden"},
    "review_phrase_edit": {"lead": "hidden"},
    "review_phrase_delete": {"lead": "hidden"},
}


def expected(name: str) -> dict[str, str]:
    audience, _method, *own = PAGES[name].split()
    return {**AUDIENCES[audience], **({"peer": "hidden"} if own else {}), **EXCEPTIONS.get(name, {})}


# --- what there is ----------------------------------------------------------------------------------------------------


def patterns(
    resolver: URLResolver | None = None, prefix: str = "", space: str = ""
) -> Iterator[tuple[str, str, URLPattern]]:
    """Each URL of the site: its path, its name, the pattern."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, path, space + (f"{entry.namespace}:" if entry.namespace else ""))
        else:
            yield path, space + (entry.name or ""), entry


def ours() -> dict[str, URLPattern]:
    return {name: entry for path, name, entry in patterns() if not path.startswith(FOREIGN)}


def test_every_url_of_ours_is_in_the_table_with_the_audience_of_its_view() -> None:
    declared = {name: str(getattr(entry.callback, "audience", "nobody said")) for name, entry in ours().items()}
    assert declared == {name: row.split()[0] for name, row in PAGES.items()}


def test_no_two_urls_share_a_name() -> None:
    names = [name for path, name, _ in patterns() if not path.startswith(FOREIGN)]
    assert sorted(names) == sorted(set(names))


def test_these_urls_and_no_others_answer_people_who_are_not_signed_in() -> None:
    assert {name for _, name, entry in patterns() if not getattr(entry.callback, "login_required", True)} == ANONYMOUS


def test_everything_else_leads_strangers_to_the_sign_in() -> None:
    """By asking, not by reading attributes: also allauth's pages and every page of the admin that takes no argument."""
    asked = 0
    for path, name, _ in patterns():
        if name in ANONYMOUS or name.endswith("jsi18n"):
            continue
        url = "/" + re.sub(r"<(\w+):\w+>", lambda kind: FILLERS[kind[1]], path)
        if "(?P" in url or "<" in url:
            continue
        answer = Client().get(url)
        assert answer.status_code == 302, url
        doors = (reverse("account_login"), reverse("admin:login"))  # the second leads to the first
        assert answer.headers["Location"].startswith(doors), url
        asked += 1
    assert asked > 40


FILLERS = {"slug": "some-program", "uuid": str(uuid.UUID(int=1)), "str": "word", "path": "1", "int": "1"}


# --- who gets in ------------------------------------------------------------------------------------------------------


PASSWORD = "a long test password"


class World:
    """A program in full swing: a link that is open, a verdict one can undo, a submission in a reviewer's hands."""

    def __init__(self, at: Callable[[datetime], None]) -> None:
        cast = make_cast()
        self.program, start = cast.program, clock.now()
        at(start)
        shared = cast.submission()
        approval = cast.approval(shared)
        at(start + timedelta(minutes=1))
        share = sharing.share(approval, by=cast.artist.user, may_embed=True)
        undoable = cast.approval()
        waiting = cast.submission()
        look = cast.claim(waiting).look
        cohort = make.cohort(program=self.program)
        halt = halting.halt(cohort, program=self.program, by=None, reason="Nobody is in it.")
        invited = enrollment.invite("new@example.org", cohort=cohort, by=None)
        question = escalating.escalate(cast.claim(cast.submission(), by=cast.rival), question="Is this a knife?")
        job = make.job(enrollment=cast.artist)
        terms = make.agreement(program=self.program)  # which lets artists who signed it keep copies
        enrollment.sign(terms, enrollment=cast.artist, credential=None, seen_sha256=terms.sha256)
        Preview.objects.create(job=job, attempt=1, jpeg=b"jpeg", made_at=start)
        collection = keeping.collect("Kept", by=cast.artist.user, program=self.program)
        facts = {"words": "knife", "category": "violence", "made_at": start}
        rule = RiskRule.objects.create(program=self.program, name="Knives", **facts)
        phrase = habits.keep_phrase(cast.reviewer, program=self.program, clause_code="2", words="Knives.")
        lead = make.lead(program=self.program)
        golden = goldens.choose_golden(shared, by=lead, why="Nothing is in it.")
        Contest.objects.create(opinion=approval.first, words="It is a brush.", contested_at=start)
        self.args: dict[str, list[object]] = {
            "home": [],
            "healthz": [],
            "notices": [],
            "invitation": [invited.token],
            "media": [shared.output.rendition("playable").file_id],
            "share_page": [share.token],
            "share_media": [share.token, "playable"],
            "share_embed": [share.token],
            "showcase": [],
            "every_transparency_csv": [],
            **{page: [self.program.slug, job.pk] for page in ("job", "job_live", "job_preview", "cancel_job")},
            **{page: [self.program.slug, job.pk] for page in ("vary_job", "repeat_job", "retry_job")},
            **{page: [self.program.slug, shared.output.job_id] for page in ("download_clip", "download_recipe")},
            "submit": [self.program.slug, shared.output_id],
            **{page: [self.program.slug, shared.output_id] for page in ("star", "tag")},
            **{page: [self.program.slug, collection.pk] for page in ("collection", "delete_collection")},
            **{page: [self.program.slug, shared.pk] for page in ("submission", "open_link", "revoke_link")},
            "choose_showcase": [self.program.slug, shared.pk],
            "withdraw": [self.program.slug, waiting.pk],
            **{page: [self.program.slug, waiting.pk] for page in ("answer", "say_critique")},
            "appeal": [self.program.slug, approval.pk],
            "decisions": [],
            "decision_proof": [approval.pk],
            **{page: [self.program.slug, look.pk] for page in PAGES if page.startswith("review_")},
            **{page: [self.program.slug, look.pk] for page in ("review", "decide")},
            **{page: [self.program.slug] for page in ("review_queue", "review_list", "review_mine", "review_lead")},
            **{page: [self.program.slug] for page in ("review_agreement", "review_qa")},
            **{page: [self.program.slug, golden.pk] for page in ("choose_golden", "retire_golden")},
            **{page: [self.program.slug, approval.first_id] for page in ("contest", "answer_contest")},
            **{page: [self.program.slug] for page in ("review_opening", "review_terms", "review_policies")},
            "review_rules": [self.program.slug],
            **{f"review_rule{act}": [self.program.slug, rule.pk] for act in ("", "_try", "_switch")},
            "review_advise": [self.program.slug, question.pk],
            "review_break": [self.program.slug, waiting.claims.get().pk],
            **{page: [self.program.slug] for page in ("review_reveals", "review_opt_outs", "review_phrase")},
            **{page: [self.program.slug, phrase.pk] for page in ("review_phrase_edit", "review_phrase_delete")},
            **{page: [self.program.slug] for page in ("review_next", "review_ahead")},
            "review_undo": [self.program.slug, undoable.pk],
            "lift_halt": [self.program.slug, halt.pk],
        }
        self.people = {
            "artist": cast.artist.user,
            "peer": make.artist(program=self.program).user,
            "outsider": make.artist(program=make.program()).user,
            "reviewer": cast.reviewer,
            "lead": lead,
            "staff": make.staff(program=self.program),
            "superuser": make.user(is_staff=True, is_superuser=True),
        }

    def sign_in(self, role: str) -> SimpleCookie:
        """Through the site's own door; what the browser keeps of it."""
        client = Client()
        if role != "anonymous":
            user = self.people[role]
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
            client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
            assert client.session["_auth_user_id"] == str(user.pk)
        return client.cookies

    def outcome(self, page: str, cookies: SimpleCookie) -> str:
        """What happens to this browser at this page; afterwards the world is as it was."""
        client = Client()
        client.cookies = SimpleCookie(cookies.output(header="", sep=";"))
        url = reverse(page, args=self.args.get(page, [self.program.slug]))
        with transaction.atomic():
            answer = getattr(client, PAGES[page].split()[1])(url)
            transaction.set_rollback(True)
        if answer.status_code == 302 and answer.headers["Location"].startswith(reverse("account_login")):
            return "login"
        known = {404: "hidden", 403: "refused", 405: "wrong method in the table"}
        return known.get(answer.status_code, "in" if answer.status_code < 500 else "broken")


@pytest.fixture
def world(at: Callable[[datetime], None]) -> World:
    cache.clear()
    made = World(at)
    transparency.renew_due()  # no visitor's request counts
    return made


def test_every_role_finds_exactly_what_the_table_says(world: World) -> None:
    keys = {role: world.sign_in(role) for role in ROLES}
    found = {page: {role: world.outcome(page, keys[role]) for role in ROLES} for page in PAGES}
    wrong = [
        f"{page} for {role}: {found[page][role]}, not {expected(page)[role]}"
        for page in PAGES
        for role in ROLES
        if found[page][role] != expected(page)[role]
    ]
    assert wrong == []


def test_a_program_that_does_not_exist_looks_like_one_that_is_not_yours(world: World) -> None:
    client = Client()
    client.cookies = world.sign_in("outsider")
    for page, row in PAGES.items():
        args = world.args.get(page, [world.program.slug])
        if row.split()[0] in {"artist", "reviewer", "lead", "staff"}:
            for slug in (world.program.slug, "no-such-program"):
                assert getattr(client, row.split()[1])(reverse(page, args=[slug, *args[1:]])).status_code == 404, page
