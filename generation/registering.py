"""The form in which staff register a model: what is typed is checked, with a sentence for each thing that is wrong.

Nothing of this loads a model library: a web process never does.
"""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from generation.declaration import LARGEST, faults_of, is_plain, lacks_of, strangers_of
from generation.models import Job, Pipeline

DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,2})?")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
MOST_TOGETHER = 64  # clips of a batch
LONGEST_LEASE = 24 * 3600  # seconds
BLOCK_RANGES = {
    f"{kind}_attention_{what}"
    for kind in ("spatial", "temporal")
    for what in ("block_skip_range", "timestep_skip_range", "block_identifiers")
}
# The parameters of diffusers' configurations of these methods, as far as JSON can say them.
CACHE_OPTIONS: dict[str, set[str]] = {
    "": set(),
    Pipeline.Cache.FIRST_BLOCK: {"threshold"},
    Pipeline.Cache.TAYLOR_SEER: {
        "cache_interval", "disable_cache_before_step", "disable_cache_after_step", "max_order", "taylor_factors_dtype",
        "skip_predict_identifiers", "cache_identifiers", "use_lite_mode",
    },
    Pipeline.Cache.MAG: {"threshold", "max_skip_steps", "retention_ratio", "mag_ratios"},
    Pipeline.Cache.FASTER: BLOCK_RANGES | {
        "low_frequency_weight_update_timestep_range", "high_frequency_weight_update_timestep_range",
        "alpha_low_frequency", "alpha_high_frequency", "unconditional_batch_skip_range",
        "unconditional_batch_timestep_skip_range", "tensor_format", "is_guidance_distilled",
    },
    Pipeline.Cache.PYRAMID: BLOCK_RANGES | {
        "cross_attention_block_skip_range", "cross_attention_timestep_skip_range", "cross_attention_block_identifiers",
    },
}  # fmt: skip


class PipelineForm(forms.ModelForm):
    """A registry row; state (manifest, loaded, trouble) is not typed."""

    def clean_folder(self) -> str:
        folder = str(self.cleaned_data["folder"]).strip()
        if "\x00" in folder or not folder:
            raise ValidationError(_("Write the path of the folder that holds model_index.json."))
        return folder

    def clean_device(self) -> str:
        device = str(self.cleaned_data["device"]).strip()
        if not DEVICE.fullmatch(device):
            raise ValidationError(_("Write auto, cpu, cuda or cuda:1."))
        return device

    def clean_hub_id(self) -> str:
        hub_id = str(self.cleaned_data["hub_id"]).strip()
        if hub_id and not HUB_ID.fullmatch(hub_id):
            raise ValidationError(_("Write it like owner/name, without an address."))
        return hub_id

    def clean_overrides(self) -> dict[str, Any]:
        overrides = _names_and_values(self.cleaned_data["overrides"])
        whole = {**self.instance.declared, **overrides}
        faults = faults_of(overrides)
        if strangers := strangers_of(overrides):
            faults.append(_("Nothing asks for %(names)s.") % {"names": ", ".join(strangers)})
        if self.instance.pinned_at and (missing := lacks_of(whole)):
            faults.append(_("The call would lack %(names)s: the folder declares none.") % {"names": ", ".join(missing)})
        if faults:
            raise ValidationError(faults)
        return overrides

    def clean_batch_limit(self) -> int:
        limit = int(self.cleaned_data["batch_limit"])
        if not 1 <= limit <= MOST_TOGETHER:
            raise ValidationError(_("A batch holds at least one clip, and at most %(most)d.") % {"most": MOST_TOGETHER})
        return limit

    def clean_leases(self) -> dict[str, float]:
        leases = _names_and_values(self.cleaned_data["leases"])
        phases = set(Job.Phase.values)
        if unknown := sorted(set(leases) - phases):
            raise ValidationError(
                _("There is no phase %(unknown)s. Phases are %(phases)s.")
                % {"unknown": ", ".join(unknown), "phases": ", ".join(Job.Phase.values)}
            )
        if not all(_is_positive(seconds) and seconds <= LONGEST_LEASE for seconds in leases.values()):
            raise ValidationError(_("A lease is a number of seconds above 0, at most a day (86400)."))
        return leases

    def clean_warm_shapes(self) -> list[list[int]]:
        shapes = self.cleaned_data["warm_shapes"] or []
        sound = isinstance(shapes, list) and all(isinstance(shape, list) and len(shape) == 3 for shape in shapes)
        if not sound or not all(type(n) is int and 0 < n <= LARGEST for shape in shapes for n in shape):
            raise ValidationError(_("Write shapes like [[96, 64, 17]]: width, height and frames, whole numbers."))
        return shapes

    def clean_cache_options(self) -> dict[str, Any]:
        return _names_and_values(self.cleaned_data["cache_options"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("hub_id") and not COMMIT.fullmatch(cleaned.get("revision") or ""):
            self.add_error("revision", _("Write the full commit id (40 hexadecimal digits): a branch or tag can move."))
        method, options = cleaned.get("cache") or "", cleaned.get("cache_options") or {}
        if unknown := sorted(set(options) - CACHE_OPTIONS.get(method, set())):
            self.add_error("cache_options", self._unknown_options(method, unknown))
        if method == Pipeline.Cache.MAG and not options.get("mag_ratios"):
            self.add_error("cache_options", _("MagCache needs the mag_ratios that were measured for this model."))
        return cleaned

    def _unknown_options(self, method: str, unknown: list[str]) -> str:
        if not method:
            return _("Without a cache method there is nothing to set here.")
        known = ", ".join(sorted(CACHE_OPTIONS[method]))
        return _("This cache method has no %(unknown)s. It has %(known)s.") % {
            "unknown": ", ".join(unknown),
            "known": known,
        }


def _names_and_values(value: Any) -> dict[str, Any]:
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise ValidationError(_('Write names and values, like {"load": 600}; {} for none.'))
    if not is_plain(value):
        raise ValidationError(_("This is nested too deep, or holds numbers or signs that nobody can keep."))
    return value


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
