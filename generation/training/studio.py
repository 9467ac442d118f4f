"""What the studio tells an artist about the pocket model: ``studio.json`` beside the weights.

The web process reads that file without torch: it has all that a form, a preview and a "surprise me" need.
"""

from generation.training.grammar import BACKGROUNDS, COLORS, DIRECTIONS, SHAPES, SYNONYMS

ABOUT = (
    "Pocket is a small demonstration model: two million parameters, one to three seconds of video at a time. It was "
    "trained from scratch on scenes that a program drew, on nobody's work. It knows simple shapes that move, stripes, "
    "ripples, and a few landscapes: sun and moon over sea or hills, sailboats, clouds, snow. Words it does not know "
    "tend to end in a landscape. It often draws soft edges and sometimes misses what was asked. A clip can begin with "
    "a picture: it goes on from one that looks like its own scenes, and forgets any other after the first frame."
)
CALL = {"height": 64, "width": 96, "num_frames": 17, "frame_rate": 8, "max_sequence_length": 24}
DEFAULTS: dict[str, float] = {"steps": 20, "guidance": 3.0}
LIMITS: dict[str, list[float]] = {"steps": [8, 40], "guidance": [1.0, 8.0]}
# Of what the class can render, that which looks and scores like what was trained on (96 x 64, 17 frames); the model
# card says what was seen at the others. The first is the default.
SIZES = [[96, 64], [128, 64]]
LENGTHS = [17, 9, 25]
DELIVER_WIDTH = 768

SCENES = [
    "the sun rising over the sea",
    "sunset over hills",
    "the moon rising over the mountains at night",
    "a boat with a red sail sailing right on the sea at sunset",
    "a white sailboat moving left on the ocean at night",
    "clouds drifting right over green hills at sunset",
    "falling snow over hills at night",
    "pink ripples spreading on a dark blue background",
    "waves of blue and white stripes moving up",
]

_SURPRISE_LANDSCAPES = [
    "the sun rising over the sea",
    "the sun setting over the ocean",
    "the sun rising over green hills",
    "sunset over the mountains",
    "sunrise over the water",
    "the moon rising over the sea at night",
    "the moon setting over hills at night",
    "the moon rising over the mountains",
    "a boat with a red sail sailing right on the sea",
    "a boat with a white sail sailing left on the sea at night",
    "a boat with a yellow sail sailing right on the sea at sunset",
    "a boat with an orange sail sailing left on the sea on a sunny day",
    "a red sailboat moving left on the ocean at sunset",
    "a white sailboat moving right on the ocean",
    "a yellow sailboat moving left on the ocean at night",
    "clouds drifting left over green hills",
    "clouds drifting right over green hills at sunset",
    "white clouds moving right over hills in a blue sky",
    "pink clouds moving left over hills at sunset",
    "falling snow over hills at night",
    "falling snow over hills during the day",
    "snowflakes falling over a winter day landscape",
    "snow falling on white hills at night",
]
_SURPRISE_PATTERNS = [
    "pink ripples spreading on a black background",
    "blue ripples spreading on a white background",
    "expanding yellow rings on a dark blue background",
    "orange circles rippling outward over black",
    "expanding green rings on a black background",
    "white ripples spreading on a dark blue background",
    "waves of purple and yellow stripes moving left",
    "waves of blue and white stripes moving up",
    "wavy pink and black stripes moving right",
    "green and white stripes flowing down",
    "orange and purple stripes flowing right",
    "wavy red and white stripes moving up",
]
_SURPRISE_SHAPES = [
    "a red ball moving right on a cream background",
    "a blue square moving left on a white background",
    "a yellow star falling on a dark blue background",
    "a pink circle floating up on a black background",
    "an orange triangle moving right on a dark green background",
    "a white star moving left on a black background",
    "a green box falling down on a cream background",
    "a purple disc moving up on a white background",
    "a large red triangle sliding left on a grey background",
    "a small yellow circle flying right on a black background",
    "a large pink star moving down on a dark blue background",
    "a small white square moving up on a dark green background",
    "a large orange ball moving left on a sky blue background",
    "a red star spinning on a white background",
    "a yellow triangle turning on a black background",
    "a blue box rotating on a cream background",
    "a pink ball bouncing on a dark green background",
    "an orange ball bouncing up and down on a dark blue background",
    "a green star jumping on a white background",
    "a purple circle growing on a cream background",
    "a white disc growing bigger on a dark blue background",
    "a red circle shrinking on a black background",
    "a yellow star getting smaller on a dark green background",
    "a pink square circling on a black background",
    "a white ball going around on a dark blue background",
]


def studio_page(preview: dict[str, list[object]]) -> dict[str, object]:
    """Everything in ``studio.json``; ``preview`` maps a latent pixel to RGB."""
    return {
        "name": "Pocket",
        "about": ABOUT,
        "call": CALL,
        "defaults": DEFAULTS,
        "limits": LIMITS,
        "sizes": SIZES,
        "lengths": LENGTHS,
        "deliver_width": DELIVER_WIDTH,
        "preview": preview,
        "vocabulary": vocabulary(),
        "surprises": [*_SURPRISE_LANDSCAPES, *_SURPRISE_PATTERNS, *_SURPRISE_SHAPES],
    }


def vocabulary() -> dict[str, list[str]]:
    """The words the model knows, by kind, each in the form that reads best in a prompt."""
    motions = [SYNONYMS[direction][0] for direction in DIRECTIONS]
    return {
        "Shapes": [synonym for shape in SHAPES for synonym in SYNONYMS[shape]],
        "Colors": list(COLORS),
        "Motion": [*motions, "bouncing", "growing", "shrinking", "circling", "spinning"],
        "Backgrounds": [f"on a {name} background" for name in BACKGROUNDS],
        "Scenes": SCENES,
    }
