"""What may be declared of a model, by its folder's ``studio.json`` or by staff on top of it.

Checked where it comes in, so that forms, offers and workers may rely on it.
"""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any

from django.utils.translation import gettext as _

LARGEST = 8192  # pixels or frames
MOST_STEPS = 1000
LONGEST_TEXT = 1000  # characters of a prompt that is proposed: as many as an artist may send
DEEPEST = 64  # levels of nesting; SQLite keeps a thousand
UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL keeps neither in JSON, and no page can show the latter
# What the worker itself says in each call; a declaration cannot speak for it.
RESERVED = {
    "prompt", "negative_prompt", "image", "generator", "latents", "output_type", "return_dict", "num_videos_per_prompt",
    "num_inference_steps", "guidance_scale", "callback_on_step_end", "callback_on_step_end_tensor_inputs",
}  # fmt: skip
DTYPES = {"float32", "bfloat16", "float16"}
NEEDED = ("width", "height", "num_frames")


def faults_of(declared: dict[str, Any]) -> list[str]:
    """A sentence for each thing in a declaration that cannot be meant."""
    return [
        sentence() for name, (is_sound, sentence) in RULES.items() if name in declared and not is_sound(declared[name])
    ]


def lacks_of(declared: dict[str, Any]) -> list[str]:
    """What a declaration does not say and a call needs."""
    call = declared.get("call")
    return [name for name in NEEDED if name not in (call if isinstance(call, dict) else {})]


def strangers_of(declared: dict[str, Any]) -> list[str]:
    """Names that nobody asks a declaration for: most often a misspelling."""
    return sorted(set(declared) - set(RULES))


def is_plain(value: Any) -> bool:
    """Whether both databases can keep it as JSON and a page can show it.

    Python reads more than that: NaN, Infinity, the sign of number 0, half a sign of UTF-16, nesting without end.
    """
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST or not all(map(_is_keepable, level)):
            return False
        level = [child for one in level for child in _children(one)]
    return True


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _is_keepable(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return not isinstance(value, str) or not UNKEEPABLE.search(value)


# --- what is sound ---
def _is_whole(value: Any, most: int = LARGEST, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9


def _is_range(value: Any, is_one: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_one, value)) and value[0] <= value[1]


def _is_call(value: Any) -> bool:
    if not isinstance(value, dict) or RESERVED & set(value):
        return False
    sizes = (_is_whole(value[name]) for name in NEEDED if name in value)
    rate = value.get("frame_rate", 8)
    return all(sizes) and _is_number(rate) and 0 < rate <= 240


def _are_defaults(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    without = value.get("negative_prompt", "")
    sound = _is_whole(value.get("steps", 1), MOST_STEPS) and _is_number(value.get("guidance", 1.0))
    return sound and isinstance(without, str) and len(without) <= LONGEST_TEXT


def _are_limits(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    guidance = value.get("guidance")
    steps = _is_range(value.get("steps", [1, 1]), lambda one: _is_whole(one, MOST_STEPS))
    return steps and (guidance is None or _is_range(guidance, lambda one: _is_number(one) and one >= 0))


def _are_sizes(value: Any) -> bool:
    pairs = isinstance(value, list) and bool(value) and all(isinstance(one, list) and len(one) == 2 for one in value)
    return pairs and all(_is_whole(side, least=8) for pair in value for side in pair)


def _are_lengths(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_whole, value))


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value)


def _is_vocabulary(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_are_words, value.values()))


def _is_preview(value: Any) -> bool:
    """``matrix``: three numbers for each latent channel; ``bias``: three numbers."""
    if not isinstance(value, dict) or not isinstance(value.get("matrix"), list):
        return False
    rows = [*value["matrix"], value.get("bias")]
    return all(isinstance(row, list) and len(row) == 3 and all(map(_is_number, row)) for row in rows)


def _are_dtypes(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) and one in DTYPES for one in value.values())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


Rule = tuple[Callable[[Any], bool], Callable[[], str]]
RULES: dict[str, Rule] = {
    "name": (_is_text, lambda: _("name has to be text.")),
    "about": (_is_text, lambda: _("about has to be text.")),
    "call": (
        _is_call,
        lambda: _(
            "call has to name the plain arguments of a call: whole numbers for width, height and num_frames, a "
            "frame_rate up to 240; not what the worker says itself (prompt, generator, num_inference_steps …)."
        ),
    ),
    "defaults": (
        _are_defaults,
        lambda: _(
            'defaults has to be like {"steps": 20, "guidance": 3.0, "negative_prompt": "blurry"}, with 1 to 1000 steps '
            "and at most 1000 characters."
        ),
    ),
    "limits": (
        _are_limits,
        lambda: _(
            'limits has to be like {"steps": [8, 40], "guidance": [1.0, 8.0]}, smaller number first; '
            "guidance null for a model that is not guided."
        ),
    ),
    "sizes": (
        _are_sizes,
        lambda: _("sizes has to be like [[96, 64], [64, 64]]: width and height in pixels, the first is the default."),
    ),
    "lengths": (
        _are_lengths,
        lambda: _("lengths has to be like [17, 25]: numbers of frames, the first is the default."),
    ),
    "deliver_width": (
        lambda value: _is_whole(value, least=16),
        lambda: _("deliver_width has to be a whole number of pixels from 16 to 8192."),
    ),
    "preview": (
        _is_preview,
        lambda: _("preview has to have a matrix of three numbers for each latent channel, and a bias of three."),
    ),
    "vocabulary": (_is_vocabulary, lambda: _('vocabulary has to be like {"Colors": ["red", "blue"]}.')),
    "surprises": (_are_words, lambda: _("surprises has to be a list of prompts.")),
    "from_image": (_is_flag, lambda: _("from_image has to be true or false.")),
    "dtypes": (
        _are_dtypes,
        lambda: _('dtypes has to be like {"vae": "float32"}: float32, bfloat16 or float16 for a component.'),
    ),
}
