from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def make_looks(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Every round that waits or was claimed gets its look, so that the queue and the claims of before go on."""
    Look, Submission = apps.get_model("review", "Look"), apps.get_model("review", "Submission")
    for submission in Submission.objects.select_related("enrollment").iterator():
        claims = submission.claims.all()
        rounds = set(claims.values_list("round", flat=True))
        if submission.state == "waiting":
            rounds.add(submission.round)
        for number in sorted(rounds):
            of_round = claims.filter(round=number)
            waits = submission.state == "waiting" and number == submission.round
            look = Look.objects.create(
                submission=submission,
                program_id=submission.program_id,
                artist_id=submission.enrollment.user_id,
                round=number,
                kind="first",
                state="waiting" if waits else "done",
                fence=max(of_round.values_list("fence", flat=True), default=0),
                rank=submission.risk_band,
                due_at=submission.due_at,
                asked_at=submission.submitted_at,
            )
            of_round.update(look=look)


USUAL_HOURS = 48


def write_terms(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """What a program promised, where that was not the usual, is its first terms: the same hours, for every risk."""
    Program, ReviewTerms = apps.get_model("access", "Program"), apps.get_model("review", "ReviewTerms")
    for program in Program.objects.exclude(review_hours=USUAL_HOURS):
        hours = {f"hours_{band}": program.review_hours for band in ("low", "ordinary", "high", "severe")}
        ReviewTerms.objects.create(program=program, number=1, published_at=program.created_at, **hours)


class Migration(migrations.Migration):
    dependencies = [("review", "0003_queue")]

    operations = [
        migrations.RunPython(make_looks, migrations.RunPython.noop),
        migrations.RunPython(write_terms, migrations.RunPython.noop),
    ]
