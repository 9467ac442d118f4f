"""How artists keep their outputs: stars, tags and collections. Nothing here changes or removes an output."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from access import audit, clock
from access.models import Program, User
from access.refusals import NotAllowed
from access.text import clean
from generation.models import Collection, Hanging, Output, Star, Tag
from generation.policies import may_keep
from generation.refusals import CollectionGone, NameMissing, NameTaken, TooManyNames

TAG_LIMIT, COLLECTION_LIMIT = 40, 80  # characters of a name
NAMES = 200  # tags in use, and collections, of one artist in one program


def one_line(name: str, *, limit: int) -> str:
    """A name as it is kept: NFC, on one line, single spaces, none around it.

    Raises:
        ValidationError: unusable characters, or longer than ``limit``. NameMissing: nothing is left.
    """
    kept = " ".join(clean(name, limit=limit).split())
    if not kept:
        raise NameMissing
    return kept


def star(outputs: Sequence[Output], *, by: User) -> int:
    """Star outputs; how many were not starred before.

    Raises:
        NotAllowed: one of them is not theirs.
    """
    _check(outputs, by)
    with audit.recorded():
        now, fresh = clock.now(), _without_star(outputs)
        rows = [Star(output=output, starred_at=now) for output in fresh]
        Star.objects.bulk_create(rows, ignore_conflicts=True)  # a double click stars once
        _trace("star_outputs", fresh, by, now)
    return len(fresh)


def unstar(outputs: Sequence[Output], *, by: User) -> int:
    """Take the stars off outputs; how many were starred before.

    Raises:
        NotAllowed: one of them is not theirs.
    """
    _check(outputs, by)
    with audit.recorded():
        starred = [output for output in outputs if output not in _without_star(outputs)]
        Star.objects.filter(output__in=starred).delete()
        _trace("unstar_outputs", starred, by, clock.now())
    return len(starred)


def _without_star(outputs: Sequence[Output]) -> list[Output]:
    starred = set(Star.objects.filter(output__in=outputs).values_list("output", flat=True))
    return [output for output in outputs if output.pk not in starred]


def tag(outputs: Sequence[Output], name: str, *, by: User, program: Program) -> Tag:
    """Put a tag on outputs, a new one if there is none of that name (whatever its case); twice is once.

    Raises:
        NotAllowed: one of them is not theirs. NameMissing, TooManyNames; ValidationError: the name is unusable.
    """
    _check(outputs, by)
    name = one_line(name, limit=TAG_LIMIT)
    with audit.recorded():
        mine = Tag.objects.owned_by(by).filter(program=program)
        found = mine.filter(name=name).first() or mine.filter(name__iexact=name).first()
        if found is None:
            _check_room(mine.filter(outputs__isnull=False).distinct(), _("tags"))
            found, _is_new = Tag.objects.get_or_create(program=program, user=by, name=name)
        found.outputs.add(*outputs)
        _trace("tag_outputs", outputs, by, clock.now(), private=found.name)
    return found


def untag(outputs: Sequence[Output], tag: Tag, *, by: User) -> int:
    """Take a tag off outputs; off how many. A tag on nothing stays as a row that no page shows.

    Raises:
        NotAllowed: the tag or one of the outputs is not theirs.
    """
    _check(outputs, by, tag)
    with audit.recorded():
        tagged = list(tag.outputs.filter(pk__in=[output.pk for output in outputs]))
        tag.outputs.remove(*tagged)
        _trace("untag_outputs", tagged, by, clock.now(), private=tag.name)
    return len(tagged)


def collect(name: str, *, by: User, program: Program) -> Collection:
    """Begin a collection.

    Raises:
        NameTaken, NameMissing, TooManyNames; ValidationError: the name is unusable.
    """
    name = one_line(name, limit=COLLECTION_LIMIT)
    with audit.recorded():
        mine = Collection.objects.owned_by(by).filter(program=program)
        _check_room(mine, _("collections"))
        now = clock.now()
        made, is_new = Collection.objects.get_or_create(
            program=program, user=by, name=name, defaults={"created_at": now}
        )
        if not is_new:
            raise NameTaken
        audit.trace("begin_collection", program=program, at=now, actor=by, subject=made, private=name)
    return made


def rename(collection: Collection, name: str, *, by: User) -> Collection:
    """Give a collection another name.

    Raises:
        NotAllowed, CollectionGone, NameTaken, NameMissing; ValidationError: the name is unusable.
    """
    name = one_line(name, limit=COLLECTION_LIMIT)
    with audit.recorded():
        mine = _locked(collection, by)
        try:
            with transaction.atomic():
                Collection.objects.filter(pk=mine.pk).update(name=name)
        except IntegrityError as taken:
            raise NameTaken from taken
        audit.trace("rename_collection", program=mine.program, at=clock.now(), actor=by, subject=mine, private=name)
    mine.name = name
    return mine


def dissolve(collection: Collection, *, by: User) -> None:
    """Delete a collection; its outputs stay as they are.

    Raises:
        NotAllowed, CollectionGone.
    """
    with audit.recorded():
        mine = _locked(collection, by)
        audit.trace("dissolve_collection", program=mine.program, at=clock.now(), actor=by, subject=mine)
        Hanging.objects.filter(collection=mine).delete()
        Collection.objects.filter(pk=mine.pk).delete()


def hang(outputs: Sequence[Output], collection: Collection, *, by: User) -> int:
    """Put outputs into a collection; how many were not in it. Twice is once.

    Raises:
        NotAllowed: the collection or one of the outputs is not theirs. CollectionGone.
    """
    _check(outputs, by)
    with audit.recorded():
        mine, now = _locked(collection, by), clock.now()
        there = set(Hanging.objects.filter(collection=mine, output__in=outputs).values_list("output", flat=True))
        fresh = [output for output in outputs if output.pk not in there]
        rows = [Hanging(collection=mine, output=output, hung_at=now) for output in fresh]
        Hanging.objects.bulk_create(rows)
        _trace("hang_outputs", fresh, by, now, collection=mine.pk)
    return len(fresh)


def unhang(outputs: Sequence[Output], collection: Collection, *, by: User) -> int:
    """Take outputs out of a collection; how many were in it.

    Raises:
        NotAllowed: the collection or one of the outputs is not theirs. CollectionGone.
    """
    _check(outputs, by)
    with audit.recorded():
        mine = _locked(collection, by)
        hung = Hanging.objects.filter(collection=mine, output__in=outputs).select_related("output__program")
        taken = [hanging.output for hanging in hung]
        hung.delete()
        _trace("unhang_outputs", taken, by, clock.now(), collection=mine.pk)
    return len(taken)


def _check(outputs: Sequence[Output], by: User, *theirs: Tag | Collection) -> None:
    if not may_keep(by, outputs) or any(thing.user_id != by.pk for thing in theirs):
        raise NotAllowed


def _locked(collection: Collection, by: User) -> Collection:
    """The collection's row, locked: whoever deletes it and whoever hangs something in it wait for each other."""
    _check([], by, collection)
    mine = Collection.objects.select_for_update().filter(pk=collection.pk).first()
    if mine is None:
        raise CollectionGone
    return mine


def _check_room(named: models.QuerySet, what: object) -> None:
    if named.count() >= NAMES:
        raise TooManyNames(
            _("You have %(count)d %(what)s, which is the most. Use one of them, or let one go first.")
            % {"count": NAMES, "what": what}
        )


def _trace(
    act: str,
    outputs: Sequence[Output],
    by: User,
    at: datetime,
    *,
    private: str = "",
    collection: uuid.UUID | None = None,
) -> None:
    """One entry for all of them; none if nothing changed."""
    if outputs:
        facts = {"outputs": [str(output.pk) for output in outputs]}
        subject = f"collection:{collection}" if collection else outputs[0]
        audit.trace(act, program=outputs[0].program, at=at, actor=by, subject=subject, facts=facts, private=private)
