"""The library's forms: what to show, what to do with the chosen clips, and names of collections."""

import uuid
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from access.models import Program, User
from access.text import TextField
from generation.browsing import WORDS, Shape, Sieve, Turn, collections_of, models_of, tags_in_use
from generation.keeping import COLLECTION_LIMIT, TAG_LIMIT

SEARCH_LIMIT = 120  # characters
CHOSEN_LIMIT = 100  # clips that one form may change

GONE = _("This is not among yours any more, so it is not used. Choose another.")


class OneOfMine(forms.ModelChoiceField):
    """A choice among rows of one's own; whatever else is sent, readable or not, gets the one sentence."""

    def __init__(self, label: Any, **kwargs: Any) -> None:
        super().__init__(None, label=label, required=False, empty_label=_("Any"), **kwargs)
        self.error_messages["invalid_choice"] = GONE

    def to_python(self, value: object) -> Any:
        try:
            return super().to_python(value)
        except forms.ValidationError as unreadable:
            raise forms.ValidationError(GONE, code="invalid_choice") from unreadable


class SieveForm(forms.Form):
    """Search and filters, by GET. What cannot be used is said beside its field and left out; the rest still counts."""

    q = TextField(limit=SEARCH_LIMIT, label=_("Words in the prompt"), required=False, widget=forms.SearchInput)
    starred = forms.BooleanField(label=_("Starred"), required=False)
    image = forms.BooleanField(label=_("From a picture"), required=False)
    tag = OneOfMine(_("Tag"))
    collection = OneOfMine(_("Collection"))
    model = OneOfMine(_("Model"), to_field_name="slug")
    shape = forms.ChoiceField(
        label=_("Shape"),
        required=False,
        choices=[("", _("Any")), (Shape.WIDE, _("Wide")), (Shape.SQUARE, _("Square")), (Shape.UPRIGHT, _("Upright"))],
        error_messages={"invalid_choice": GONE},
    )
    order = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[("", _("Newest first")), ("oldest", _("Oldest first"))],
        error_messages={"invalid_choice": GONE},
    )

    def __init__(self, *args: Any, user: User, program: Program, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer("tag", tags_in_use(user, program))
        self._offer("collection", collections_of(user, program))
        self._offer("model", models_of(user, program))

    def _offer(self, name: str, rows: models.QuerySet) -> None:
        field = self.fields[name]
        field.queryset = rows  # type: ignore[attr-defined]  # a ModelChoiceField
        # Read once, for the menu and for the suggestions beside the chosen clips.
        field.choices = [("", _("Any")), *((field.prepare_value(row), str(row)) for row in rows)]  # type: ignore[attr-defined]

    def clean_q(self) -> str:
        words = self.cleaned_data["q"].split()
        if len(words) > WORDS:
            raise forms.ValidationError(_("Search for %(most)d words at most."), params={"most": WORDS})
        return " ".join(words)

    def sieve(self) -> Sieve:
        """What is wanted, as far as it can be used."""
        self.is_valid()
        wanted = self.cleaned_data
        return Sieve(
            words=tuple(wanted.get("q", "").split()),
            starred=wanted.get("starred", False),
            tag=wanted.get("tag"),
            collection=wanted.get("collection"),
            pipeline=wanted.get("model"),
            from_image=wanted.get("image", False),
            shape=wanted.get("shape", ""),
        )

    def active(self) -> dict[str, str]:
        """Names of the fields that filter, with what they ask for in words."""
        self.is_valid()
        words = {
            name: str(self.cleaned_data[name])
            for name in ("q", "tag", "collection", "model")
            if self.cleaned_data.get(name)
        }
        flags = {name: str(self.fields[name].label) for name in ("starred", "image") if self.cleaned_data.get(name)}
        shapes = dict(self.fields["shape"].choices)  # type: ignore[attr-defined]  # a ChoiceField
        shape = self.cleaned_data.get("shape")
        return {**flags, **words, **({"shape": str(shapes[shape])} if shape else {})}


def turn_of(query: Any, *, oldest_first: bool = False) -> Turn:
    """The page that ``?after=`` or ``?before=`` names; the first for anything else."""
    return Turn(after=_key(query.get("after")), before=_key(query.get("before")), oldest_first=oldest_first)


def _key(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


class Deed(models.TextChoices):
    """What can be done with chosen clips."""

    STAR = "star"
    UNSTAR = "unstar"
    TAG = "tag"
    UNTAG = "untag"
    HANG = "hang"
    UNHANG = "unhang"
    COMPARE = "compare"
    NAMED = "named"  # Enter in a field: tag or hang, by which of the names is written


class ChosenForm(forms.Form):
    """What to do with the chosen clips; the names are asked for only by the deeds that need them."""

    chosen = forms.TypedMultipleChoiceField(
        coerce=uuid.UUID, error_messages={"required": _("Choose one or more clips first: tick the box at each.")}
    )
    do = forms.ChoiceField(
        choices=Deed.choices,
        error_messages={
            "required": _("Press one of the buttons below to say what to do with the clips."),
            "invalid_choice": _("Press one of the buttons below to say what to do with the clips."),
        },
    )
    tag_name = TextField(
        limit=TAG_LIMIT, label=_("Tag"), required=False, widget=forms.TextInput(attrs={"list": "tags-there"})
    )
    collection_name = TextField(
        limit=COLLECTION_LIMIT,
        label=_("Collection"),
        required=False,
        widget=forms.TextInput(attrs={"list": "collections-there"}),
        help_text=_("A new name begins a new collection."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sent = self.data.getlist("chosen") if hasattr(self.data, "getlist") else []
        keys = [key for text in sent[:CHOSEN_LIMIT] if (key := _key(text))]
        self.fields["chosen"].choices = [(str(key), str(key)) for key in keys]  # type: ignore[attr-defined]
        self.fields["chosen"].error_messages["invalid_choice"] = _(
            "One of the clips could not be read. Reload the page and choose again."
        )

    def clean(self) -> dict[str, Any]:
        wanted = super().clean() or {}
        if wanted.get("do") == Deed.NAMED:
            wanted["do"] = self._named()
        deed = wanted.get("do")
        if deed in (Deed.TAG, Deed.UNTAG):
            self._need("tag_name", _("Write the tag first."))
        if deed in (Deed.HANG, Deed.UNHANG):
            self._need("collection_name", _("Write the collection’s name first; a new name begins a new one."))
        if deed == Deed.COMPARE and len(wanted.get("chosen", [])) not in (0, 2):
            self.add_error("chosen", _("Choose exactly two clips to compare."))
        return wanted

    def _named(self) -> str:
        """The deed that is meant; empty, and said why, if both names are written or none."""
        tag, collection = ((self[name].data or "").split() for name in ("tag_name", "collection_name"))
        if bool(tag) != bool(collection):
            return Deed.TAG if tag else Deed.HANG
        both = _("Both a tag and a collection are written. Press the button of the one you mean.")
        self.add_error("do", both if tag else _("Write a tag or the name of a collection first."))
        return ""

    def _need(self, name: str, sentence: object) -> None:
        if name not in self.errors and not self.cleaned_data.get(name, "").split():
            self.add_error(name, str(sentence))


class CollectionForm(forms.Form):
    """The name of a collection."""

    name = TextField(
        limit=COLLECTION_LIMIT, label=_("Name"), error_messages={"required": _("Write a name for the collection.")}
    )


class TagForm(forms.Form):
    """A tag to put on one clip."""

    tag_name = TextField(limit=TAG_LIMIT, label=_("Tag"), error_messages={"required": _("Write the tag first.")})
