"""A reviewer takes a look in hand, keeps it, reveals the clip, hands it back or passes it by."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from access import audit, clock
from access.models import Program, User
from access.refusals import NotAllowed, WordsMissing
from access.sql import change, insert
from review import exposure, policies, queueing
from review.models import Claim, Look, Skip
from review.queueing import Asker, Pick
from review.refusals import (
    ClaimInHand,
    ClaimLost,
    ClaimOver,
    HeldByAnother,
    NoLongerWaiting,
    RenditionsMissing,
    SkippedAlready,
)

LEASE = timedelta(minutes=10)
LONGEST = timedelta(minutes=30)  # however long its page stays open, a claim keeps a look from others no longer
AHEAD = timedelta(minutes=2)  # for a clip that is only loaded beforehand; the page of the one in hand renews it
LEAVING = timedelta(minutes=1)  # whoever leaves the page comes back within that, by a reload or a second thought
TRIES = 20  # rivals who each take the very look that was picked; more than that is a fault of ours


def claim_next(reviewer: User, *, program: Program, ahead: bool = False) -> Claim | None:
    """The claim in hand, else one on the first look in the published order; None when nothing is free.

    What is left of a stack is in hand, also after the one that led it was decided.

    Args:
        ahead: take the one after the one in hand, for its clip to be loaded beforehand. It becomes the next in hand.

    Raises:
        NotAllowed: not a reviewer of the program.
        ClaimInHand: the reviewer holds one in another program.
        ExposureSpent: they have watched enough for today.
    """
    with audit.recorded():
        held = take_next(queueing.ask(reviewer, program), ahead=ahead)
    if held is None and end_expired():
        with audit.recorded():
            held = take_next(queueing.ask(reviewer, program), ahead=ahead)
    return held


def take_next(asker: Asker, *, ahead: bool = False) -> Claim | None:
    """``claim_next`` within the transaction of another verb, e.g. of the verdict on the one before."""
    mine = _open_claims(asker)
    following = _live(mine, asker, ahead=True)
    ours = following if following and following.look.program_id == asker.program.pk else None
    if ahead and (following or not _live(mine, asker, ahead=False)):
        return ours  # one is ahead already, or none is in hand: there is no "after"
    if not ahead and (held := _live(mine, asker, ahead=False)):
        return _of_this_program(held, asker)
    exposure.check(asker)
    _end_own_expired(mine, asker)
    return _bring_forward(ours, asker) if ours else _first_free(asker, ahead)


def _end_own_expired(mine: list[Claim], asker: Asker) -> None:
    if over := [claim.pk for claim in mine if claim.leased_until <= asker.at]:
        _end(_locked(Q(pk__in=over) | Q(with_claim__in=over)), asker.at)


def _open_claims(asker: Asker) -> list[Claim]:
    if not asker.holds:
        return []
    mine = Claim.objects.leading().filter(reviewer=asker.reviewer, released_at=None)
    return list(mine.select_related("look", "submission", "shown").order_by("claimed_at", "pk"))


def _live(mine: list[Claim], asker: Asker, *, ahead: bool) -> Claim | None:
    return next((held for held in mine if held.is_ahead == ahead and held.leased_until > asker.at), None)


def _of_this_program(held: Claim, asker: Asker) -> Claim:
    if held.look.program_id != asker.program.pk:
        raise _in_hand(held)
    return held


def _in_hand(held: Claim) -> ClaimInHand:
    sentence = _("You hold “%(title)s”. Decide on it or hand it back first.") % {"title": held.submission.title}
    return ClaimInHand(sentence, claim=held)


def _bring_forward(following: Claim, asker: Asker) -> Claim | None:
    """What was loaded ahead is in hand now with its variants, if it still waits and is still for this reviewer."""
    live = Claim.objects.live(asker.at)
    in_hand = {"is_ahead": False, "claimed_at": asker.at, "leased_until": asker.at + LEASE}
    if following.look.brief_id:
        _locked(family(following))
    still = live.filter(pk=following.pk, look__state=Look.State.WAITING)
    if policies.why_not(following.look, asker.reviewer, asker.at) or not still.update(**in_hand):
        end(following, asker.at)
        return _first_free(asker, ahead=False)
    if following.look.brief_id:
        live.filter(with_claim=following.pk).update(**in_hand)
    following.is_ahead, following.claimed_at, following.leased_until = False, asker.at, asker.at + LEASE
    return following


def _first_free(asker: Asker, ahead: bool) -> Claim | None:
    for _try in range(TRIES):
        picked = queueing.pick(asker)
        if not picked:
            return None
        if held := _take(picked[0], asker, ahead=ahead):
            _take_variants(picked[0], held, asker)
            return held
        if mine := _of_another_tab(asker, ahead):
            return _of_this_program(mine, asker)
    return None


def _of_another_tab(asker: Asker, ahead: bool) -> Claim | None:
    """What this reviewer took a moment ago, somewhere else."""
    return _live(_open_claims(replace(asker, holds=1)), asker, ahead=ahead)


def _take(picked: Pick, asker: Asker, *, ahead: bool = False, leader: Claim | None = None) -> Claim | None:
    """A claim on a picked look; None if a rival's is there, which the schema sees whatever we read before."""
    if picked.shown is None:
        raise RenditionsMissing
    made = Claim(look_id=picked.look, submission_id=picked.submission, round=picked.round, fence=picked.fence + 1)
    made.reviewer, made.shown_id, made.is_ahead, made.with_claim = asker.reviewer, picked.shown, ahead, leader
    now = clock.now()  # after the look is locked: whoever had it before has left by then, also by the clock
    made.claimed_at, made.leased_until = now, now + (AHEAD if ahead else LEASE)
    if not insert(made, unless_there=True):
        return None
    _raise_fence(picked)
    return made


def _raise_fence(picked: Pick) -> None:
    change("UPDATE review_look SET fence = %(fence)s WHERE id = %(id)s", fence=picked.fence + 1, id=picked.look)


def _take_variants(picked: Pick, held: Claim, asker: Asker) -> None:
    """Other outputs of the same brief that wait are looked at together with this one."""
    if picked.brief is None or picked.kind != Look.Kind.FIRST:
        return
    for variant in queueing.pick(asker, brief=picked.brief, most=8):
        _take(variant, asker, ahead=held.is_ahead, leader=held)


def claim(look: Look, *, reviewer: User) -> Claim:
    """Take this look in hand for ten minutes. Taking what one holds already is no change.

    Raises:
        OwnOutput, ConflictDeclared, HadPart, SkippedAlready, OptedOut, ForLeads, NotAllowed: not for this reviewer.
        NoLongerWaiting, HeldByAnother: somebody was faster.
        ClaimInHand: the reviewer holds another one.
        ExposureSpent: they have watched enough for today.
    """
    end_expired(look)
    with audit.recorded():
        asker = queueing.ask(reviewer, look.program)
        if mine := Claim.objects.live(asker.at).filter(look=look, reviewer=reviewer, look__state="waiting").first():
            return _in_hand_now(mine, asker)
        exposure.check(asker)
        idle = _free_hands(asker, look.brief_id)
        picked = queueing.pick(asker, look=look.pk)
        _end_own_expired(idle, asker)  # after the look is locked: looks before claims, everywhere
        if picked and (held := _take(picked[0], asker)):
            return held
        raise _why_not(look, asker)


def _in_hand_now(mine: Claim, asker: Asker) -> Claim:
    if not mine.is_ahead:
        return mine
    _end_own_expired(_free_hands(asker, mine.look.brief_id), asker)
    return _bring_forward(mine, asker) or mine


def _free_hands(asker: Asker, brief: uuid.UUID | None) -> list[Claim]:
    """The claims that are in nobody's way; one in hand is, unless it is what is left of a stack of the same brief."""
    mine = _open_claims(asker)
    held = _live(mine, asker, ahead=False)
    if held and not (brief and held.with_claim_id and held.look.brief_id == brief):
        raise _in_hand(held)
    return mine


def _why_not(look: Look, asker: Asker) -> Exception:
    if held := _of_another_tab(asker, ahead=False):
        return _in_hand(held)
    look.refresh_from_db()
    if look.state != Look.State.WAITING:
        return NoLongerWaiting()
    return policies.why_not(look, asker.reviewer, asker.at) or HeldByAnother()


def family(claim: Claim) -> Q:
    """The claims that were taken together with this one, itself among them."""
    leader = claim.with_claim_id or claim.pk
    return Q(pk=leader) | Q(with_claim=leader)


def _locked(which: Q) -> list[Claim]:
    """Those of these claims that have not ended, locked in the order of their keys.

    Whoever writes to several claims locks them all like this before the first, and what is the reviewer's afterwards:
    otherwise two who end the same stack, or one who keeps it and one who breaks it, would wait for one another.
    """
    open_ = Claim.objects.filter(which, released_at=None).select_related("look__program", "submission", "reviewer")
    return list(open_.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _locked_behind_looks(which: Q) -> list[Claim]:
    """The same, behind the locks of their looks, for whoever holds no lock yet.

    A rival who has just picked one of these looks takes it before our clock is read, or misses it: a claim does not
    begin, by the clock, before the one before it has ended.
    """
    looks = Claim.objects.filter(which, released_at=None).values("look")
    list(Look.objects.filter(pk__in=looks).select_for_update(no_key=True).order_by("pk").values_list("pk"))
    return _locked(which)


def _end(claims: list[Claim], at: datetime) -> None:
    """End claims that are locked; what was seen under them is kept."""
    if not claims:
        return
    Claim.objects.filter(pk__in=[claim.pk for claim in claims]).update(released_at=at)
    seen = [claim for claim in claims if claim.revealed_at]
    exposure.add(seen, at)
    for claim in seen:
        _trace_seen(claim, min(at, claim.leased_until))


def end(held: Claim, at: datetime) -> None:
    """A claim ends with its variants."""
    _end(_locked(Q(pk=held.pk) | Q(with_claim=held.pk)), at)


def end_those(which: Q) -> None:
    """These claims end, where they have not, and no others: what was taken together with one stays in hand."""
    _end(_locked_behind_looks(which), clock.now())


def end_expired(look: Look | None = None) -> int:
    """End the claims whose lease is over, on one look or on all; how many.

    Each in a transaction of its own: two reviewers who ended each other's within their own would wait for one another.
    """
    now = clock.now()
    over = Claim.objects.filter(released_at=None, leased_until__lte=now).order_by("pk")
    over = over.filter(look=look) if look else over[:500]
    for claim in over:
        with audit.recorded():
            found = _locked(Q(pk=claim.pk) | Q(with_claim=claim.pk))
            _end([one for one in found if one.leased_until <= now], now)  # it may have been kept meanwhile
    return len(over)


def _trace_seen(claim: Claim, at: datetime) -> None:
    """A clip that was revealed and not decided on: the record says who saw it."""
    assert claim.revealed_at, "only what was revealed was seen"
    facts = {"look": str(claim.look_id), "fence": claim.fence, "revealed_at_us": audit.microseconds(claim.revealed_at)}
    audit.trace("see", program=claim.look.program, at=at, actor=claim.reviewer, subject=claim.submission, facts=facts)


def renew(held: Claim) -> Claim:
    """Keep a live claim for ten more minutes, up to half an hour in all. Not audited: it is a heartbeat.

    Raises:
        ClaimLost.
    """
    with transaction.atomic():
        claims = _locked(family(held))
        now = clock.now()
        _check_live(held, claims, now)
        held.leased_until = min(now + (AHEAD if held.is_ahead else LEASE), held.claimed_at + LONGEST)
        live = [claim.pk for claim in claims if claim.leased_until > now]
        Claim.objects.filter(pk__in=live).update(leased_until=held.leased_until)
    return held


def _check_live(held: Claim, locked: list[Claim], at: datetime, lost: type[ClaimLost] = ClaimLost) -> None:
    if not any(claim.pk == held.pk and claim.leased_until > at for claim in locked):
        raise lost


def leave(held: Claim) -> None:
    """Its page is left: the look is kept from others for a minute more at most, unless the page comes back. Not
    audited, nor refused, since nobody reads the answer."""
    with transaction.atomic():
        claims = _locked(family(held))
        until = clock.now() + LEAVING
        Claim.objects.filter(pk__in=[claim.pk for claim in claims], leased_until__gt=until).update(leased_until=until)


def release(held: Claim) -> None:
    """Hand a look back; it keeps its place. What is loaded ahead is handed back with it.

    Raises:
        ClaimLost.
    """
    with audit.recorded():
        mine = _locked_behind_looks(Q(reviewer=held.reviewer))
        now = clock.now()
        _check_live(held, mine, now)
        _end(mine, now)


def break_claim(held: Claim, *, by: User, reason: str) -> None:
    """A lead takes a look out of somebody's hands, with a reason that stays on record.

    Raises:
        NotAllowed: not a lead of the program.
        OwnOutput, ConflictDeclared: it is the lead's own clip, or of somebody they must not judge.
        WordsMissing: no reason.
        ClaimOver: it has ended already.
    """
    if not policies.may_lead(by, held.look.program):
        raise NotAllowed
    if not reason.strip():
        raise WordsMissing
    with audit.recorded():
        claims = _locked_behind_looks(Q(pk=held.pk) | Q(with_claim=held.pk))
        now = clock.now()
        if why := policies.why_not_touch(held.look, by, now):
            raise why
        _check_live(held, claims, now, lost=ClaimOver)
        Claim.objects.filter(pk=held.pk).update(broken_by=by)
        _end(claims, now)
        audit.trace(
            "break_claim", program=held.look.program, at=now, actor=by, subject=held.submission, private=reason,
            facts={"look": str(held.look_id), "fence": held.fence, "reviewer": str(held.reviewer_id)},
        )  # fmt: skip


def skip(held: Claim, *, reason: str) -> Skip:
    """Pass a look by: it never comes to this reviewer again, and after three of them it goes to the leads.

    Raises:
        WordsMissing: no reason.
        ClaimLost.
    """
    if not reason.strip():
        raise WordsMissing
    with audit.recorded():
        look = Look.objects.select_for_update(no_key=True).get(pk=held.look_id)
        now = clock.now()  # behind the lock: whoever waited for it long may hold nothing any more
        if not Claim.objects.live(now).filter(pk=held.pk).exists():
            raise ClaimLost
        if look.skips.filter(reviewer=held.reviewer).exists():
            raise SkippedAlready
        made = Skip.objects.create(look=look, reviewer=held.reviewer, reason=reason.strip()[:200], skipped_at=now)
        end(held, now)
        for_leads = look.for_leads or look.skips.count() >= Skip.TO_THE_LEAD
        if look.kind == Look.Kind.GOLDEN:  # for nobody else
            Look.objects.filter(pk=look.pk).update(state=Look.State.DROPPED)
        elif for_leads != look.for_leads or look.reserved_for_id:  # nor is it kept for somebody who passed it by
            Look.objects.filter(pk=look.pk).update(for_leads=for_leads, reserved_for=None, reserved_until=None)
        audit.trace("skip", program=look.program, at=now, actor=held.reviewer, subject=held.submission, private=reason)
    return made


_REVEAL = """UPDATE review_claim SET revealed_at = %(now)s
WHERE id = %(id)s AND released_at IS NULL AND leased_until > %(now)s AND is_ahead = %(no)s"""


def reveal(held: Claim) -> Claim:
    """Note that the reviewer chose to look. Looking twice is looking once.

    Raises:
        ClaimLost.
    """
    if held.revealed_at is None:
        now = clock.now()
        if not change(_REVEAL, id=held.pk, now=now, no=False):
            raise ClaimLost
        held.revealed_at = now
    return held
