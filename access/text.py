"""The one rule for text that people type."""

import unicodedata

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

KEPT_CONTROLS = {"\n", "\t"}


def clean(text: str, *, limit: int) -> str:
    """The text in NFC without surrounding space.

    Raises:
        ValidationError: it holds a character that no screen shows (NUL, lone surrogates, other controls), or is
            longer than ``limit`` characters. The sentence says which.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationError(
            _("The text holds half of a character (a lone surrogate). Type it again, or paste it as plain text.")
        )
    if any(unicodedata.category(character) == "Cc" and character not in KEPT_CONTROLS for character in text):
        raise ValidationError(_("The text holds a control character that no screen shows. Paste it as plain text."))
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > limit:
        raise ValidationError(
            _("The text is %(length)d characters long; %(limit)d is the most. Shorten it a little."),
            params={"length": len(text), "limit": limit},
        )
    return text


def fold(text: str) -> str:
    """The text as it is searched: capital and small letters are one, whatever the script and the database."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class TextField(forms.CharField):
    """A form field for text under the rule above. Unless ``is_cut``, a browser lets more be pasted, to be shortened:
    of a long text that is cut nobody is told what was lost."""

    def __init__(self, *, limit: int, is_cut: bool = True, **kwargs: object) -> None:
        self.limit, self.is_cut = limit, is_cut
        super().__init__(strip=False, **kwargs)  # type: ignore[arg-type]  # CharField's own keywords
        self.validators = []  # ``clean`` answers for NUL and length with better sentences

    def to_python(self, value: object) -> str:
        return clean(str(super().to_python(value) or ""), limit=self.limit)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, object]:
        cut = {"maxlength": self.limit} if self.is_cut else {}
        return {**super().widget_attrs(widget), **cut, "dir": "auto"}
