"""What a signal says to a reviewer, and what produced it, in sentences."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

if TYPE_CHECKING:
    from review.models.signals import Signal

HOW = {
    "": gettext_lazy("as it is"),
    "crop": gettext_lazy("cropped, or with bars"),
    "turn90": gettext_lazy("turned"),
    "turn180": gettext_lazy("turned"),
    "turn270": gettext_lazy("turned"),
    "flip": gettext_lazy("mirrored"),
    "mirror": gettext_lazy("mirrored"),
    "turn90_flip": gettext_lazy("turned and mirrored"),
    "turn90_mirror": gettext_lazy("turned and mirrored"),
}


def sentence(signal: "Signal") -> str:
    """One sentence about what was noticed and where; it says that it resembles, never that it is."""
    facts = {"where": _where(signal), "measured": f"{signal.measured:g}", "label": _label(signal)} | signal.facts
    said = {
        "known_bad": _("%(seen)s resemble an entry of an imported list, “%(label)s”%(how)s."),
        "like_rejected": _("%(seen)s resemble %(whose)s that was rejected%(how)s."),
        "like_approved": _("%(seen)s resemble %(whose)s that was approved%(how)s."),
        "same_bytes": _("This is bit by bit the same clip as one that the artist submitted before."),
        "duplicate": _("%(seen)s resemble a clip that the artist submitted before."),
        "flashing": _("Flashing %(where)s: up to %(measured)s flashes a second over %(percent)s%% of the view%(red)s."),
        "black": _("The picture is black %(where)s."),
        "frozen": _("The picture does not move %(where)s."),
    }[signal.kind]
    return said % (facts | {"seen": _seen(signal), "whose": _whose(signal), "how": _how(signal)} | _flash(signal))


def _seen(signal: "Signal") -> str:
    frames, of = signal.facts.get("frames", 0), signal.facts.get("of", 0)
    return ngettext(
        "%(frames)s of %(of)s frame looked at", "%(frames)s of %(of)s frames looked at", of
    ) % {"frames": frames, "of": of}  # fmt: skip


def _whose(signal: "Signal") -> str:
    return _("an earlier clip of the same artist") if signal.facts.get("own") else _("a clip of another artist")


def _how(signal: "Signal") -> str:
    turn = signal.facts.get("turn", "")
    return _(" (%s)") % HOW.get(turn, turn) if turn else ""


def _label(signal: "Signal") -> str:
    return signal.entry.label if signal.entry else ""


def _flash(signal: "Signal") -> dict[str, object]:
    red = _(", saturated red among them") if signal.facts.get("red") else ""
    return {"percent": round(100 * float(signal.facts.get("area", 0))), "red": red}


def _where(signal: "Signal") -> str:
    if signal.from_ms is None or signal.to_ms is None:
        return ""
    return _("from %(begin)s to %(end)s") % {"begin": _clock(signal.from_ms), "end": _clock(signal.to_ms)}


def _clock(ms: int) -> str:
    """A place in a clip as minutes and seconds."""
    return f"{ms // 60_000}:{ms % 60_000 / 1000:04.1f}"


def produced_by(signal: "Signal") -> str:
    """What noticed it: recipe, version, threshold and what was measured."""
    measure = {
        "known_bad": _("nearest frame: %(measured)s of 256 bits differ, alike up to %(threshold)s"),
        "like_rejected": _("nearest frame: %(measured)s of 256 bits differ, alike up to %(threshold)s"),
        "like_approved": _("nearest frame: %(measured)s of 256 bits differ, alike up to %(threshold)s"),
        "same_bytes": _("the SHA-256 of the masters is equal"),
        "duplicate": _("%(measured)s of the frames are alike, told from %(threshold)s on"),
        "flashing": _("%(measured)s flashes a second, told above %(threshold)s (WCAG 2.2, general and red flash)"),
        "black": _("%(measured)s seconds, told from %(threshold)s on"),
        "frozen": _("%(measured)s seconds, told from %(threshold)s on"),
    }[signal.kind] % {"measured": f"{signal.measured:g}", "threshold": f"{signal.threshold:g}"}
    return _("%(recipe)s, version %(version)s: %(measure)s.") % {
        "recipe": signal.recipe,
        "version": signal.version,
        "measure": measure,
    }
