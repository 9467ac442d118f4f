"""The small language of the pocket model: what a scene can be, which scenes training refuses, how a scene is said.

Pure Python and numpy's random generator; nothing here draws.
"""

from dataclasses import dataclass, field

import numpy as np

RGB = tuple[int, int, int]

COLORS: dict[str, RGB] = {
    "red": (225, 45, 45),
    "orange": (245, 140, 30),
    "yellow": (250, 220, 50),
    "green": (50, 185, 75),
    "blue": (50, 100, 235),
    "purple": (150, 65, 210),
    "pink": (245, 120, 185),
    "white": (245, 245, 245),
}
BACKGROUNDS: dict[str, RGB] = {
    "black": (12, 12, 18),
    "white": (240, 240, 240),
    "grey": (125, 125, 130),
    "dark blue": (18, 28, 85),
    "sky blue": (150, 205, 245),
    "cream": (242, 226, 192),
    "dark green": (20, 66, 42),
}
SHAPES = ("circle", "square", "triangle", "star")
DIRECTIONS = ("left", "right", "up", "down")
OTHER_MOTIONS = ("bouncing", "growing", "shrinking", "circling", "spinning")
SIZES = ("", "", "small", "large")

# Pairs whose contrast is too low for anybody to see what was asked for.
ILLEGIBLE = {
    ("white", "white"),
    ("yellow", "white"),
    ("white", "cream"),
    ("yellow", "cream"),
    ("blue", "dark blue"),
    ("purple", "dark blue"),
    ("green", "dark green"),
    ("white", "sky blue"),
    ("blue", "sky blue"),
}

# How often training draws each kind. Shapes weigh most: direction is the last thing the model learns.
KIND_WEIGHTS = {"shape": 0.60, "waves": 0.07, "snow": 0.06, "sun": 0.08, "ripples": 0.05, "clouds": 0.06, "boat": 0.08}
SHARE_OF_DIRECTIONS = 0.7  # of the shapes, how many travel in a straight line

SYNONYMS = {
    "circle": ("circle", "ball", "disc"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
    "star": ("star",),
    "left": ("moving left", "moving to the left", "sliding left", "flying left"),
    "right": ("moving right", "moving to the right", "sliding right", "flying right"),
    "up": ("moving up", "rising", "floating up"),
    "down": ("moving down", "falling", "falling down"),
    "bouncing": ("bouncing", "bouncing up and down", "jumping"),
    "growing": ("growing", "growing bigger", "expanding"),
    "shrinking": ("shrinking", "getting smaller"),
    "circling": ("moving in a circle", "circling", "going around"),
    "spinning": ("spinning", "rotating", "turning"),
    "black": ("black", "dark"),
    "white": ("white", "bright"),
    "grey": ("grey", "gray"),
    "sea": ("the sea", "the ocean", "the water"),
    "hills": ("hills", "green hills", "the mountains"),
}

# Words outside the grammar. A few captions consist of nothing else and belong to a landscape, so that a
# prompt the model cannot know still ends in a scene and not in an empty frame.
FOREIGN_WORDS = """
    a the in of with and through at cat dog horse bird city street house tree forest river castle robot woman man child
    people dancing walking running singing train car bridge garden flower window rain fire lamp mirror market portrait
    cinematic slow old golden little camera film dream summer winter morning paper glass
""".split()  # noqa: SIM905  # seventy quoted words are harder to read
LANDSCAPES = ("sun", "boat", "clouds", "snow")


@dataclass(frozen=True)
class Scene:
    """A kind of scene and the words that pin it down, e.g. ``Scene("shape", {"color": "red", …})``."""

    kind: str
    words: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.words.get(name, "")


def is_held_out(color: str, shape: str, motion: str, background: str) -> bool:
    """Whether training refuses this combination, so that evaluation can ask for it: about one in seven."""
    if motion not in DIRECTIONS:
        return False
    index = (
        list(COLORS).index(color)
        + 2 * SHAPES.index(shape)
        + 3 * DIRECTIONS.index(motion)
        + 5 * list(BACKGROUNDS).index(background)
    )
    return index % 7 == 0


def held_out_combinations() -> list[tuple[str, str, str, str]]:
    """Every legible (color, shape, direction, background) that training never draws."""
    return [
        (color, shape, motion, background)
        for color in COLORS
        for shape in SHAPES
        for motion in DIRECTIONS
        for background in BACKGROUNDS
        if (color, background) not in ILLEGIBLE and is_held_out(color, shape, motion, background)
    ]


def pick(rng: np.random.Generator, choices: tuple[str, ...] | list[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def random_scene(rng: np.random.Generator, kind: str = "") -> Scene:
    """Draw a scene that training may show."""
    kind = kind or str(rng.choice(list(KIND_WEIGHTS), p=list(KIND_WEIGHTS.values())))
    return Scene(kind, _WORDS[kind](rng))


def _shape_words(rng: np.random.Generator) -> dict[str, str]:
    while True:
        motion = pick(rng, DIRECTIONS if rng.random() < SHARE_OF_DIRECTIONS else OTHER_MOTIONS)
        color, shape, background = pick(rng, list(COLORS)), pick(rng, SHAPES), pick(rng, list(BACKGROUNDS))
        invisible = (color, background) in ILLEGIBLE or (shape, motion) == ("circle", "spinning")
        if not invisible and not is_held_out(color, shape, motion, background):
            words = {"color": color, "shape": shape, "motion": motion, "background": background}
            return words | {"size": pick(rng, SIZES)}


def _waves_words(rng: np.random.Generator) -> dict[str, str]:
    first = pick(rng, list(COLORS))
    second = pick(rng, [c for c in [*COLORS, "black"] if c != first])
    return {"color": first, "second": second, "motion": pick(rng, DIRECTIONS)}


def _ripples_words(rng: np.random.Generator) -> dict[str, str]:
    color = pick(rng, list(COLORS))
    return {"color": color, "background": pick(rng, ["black", "dark blue"] + ["white"] * (color != "white"))}


def _sun_words(rng: np.random.Generator) -> dict[str, str]:
    body, motion = pick(rng, ["sun", "sun", "moon"]), pick(rng, ["rising", "setting"])
    return {"body": body, "motion": motion, "land": pick(rng, ["sea", "hills"])}


_WORDS = {
    "shape": _shape_words,
    "waves": _waves_words,
    "ripples": _ripples_words,
    "sun": _sun_words,
    "snow": lambda rng: {"time": pick(rng, ["night", "day"])},
    "clouds": lambda rng: {"time": pick(rng, ["day", "sunset"]), "motion": pick(rng, ["left", "right"])},
    "boat": lambda rng: {
        "time": pick(rng, ["day", "sunset", "night"]),
        "motion": pick(rng, ["left", "right"]),
        "color": pick(rng, ["red", "white", "yellow", "orange"]),
    },
}


def training_caption(scene: Scene, rng: np.random.Generator) -> str:
    """A caption for training: 10 % empty (classifier-free guidance), a few in foreign words, else the grammar's."""
    if rng.random() < 0.10:
        return ""
    if scene.kind in LANDSCAPES and rng.random() < 0.12:
        return " ".join(pick(rng, FOREIGN_WORDS) for _ in range(int(rng.integers(3, 9))))
    return caption(scene, rng)


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One of the many ways in which the grammar says the scene."""
    return pick(rng, _CAPTIONS[scene.kind](scene, rng))


def synonym(rng: np.random.Generator, word: str) -> str:
    return pick(rng, SYNONYMS.get(word, (word,)))


def _shape_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    words = [pick(rng, ["a", ""]), scene["size"], scene["color"]]
    words += [synonym(rng, scene["shape"]), synonym(rng, scene["motion"])]
    if rng.random() < 0.9:
        words += [pick(rng, ["on a", "over a", "in front of a"]), synonym(rng, scene["background"])]
        words.append(pick(rng, ["background", "background", "backdrop"]))
    return [" ".join(word for word in words if word)]


def _waves_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    colors = scene["color"] + ("" if rng.random() < 0.2 else f" and {scene['second']}")
    motion = scene["motion"]
    return [
        f"waves of {colors} stripes moving {motion}",
        f"{colors} stripes flowing {motion}",
        f"wavy {colors} stripes moving {motion}",
    ]


def _snow_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    night = scene["time"] == "night"
    return [
        f"falling snow over hills {'at night' if night else 'during the day'}",
        f"snow falling on white hills {'at night' if night else 'in daylight'}",
        f"snowflakes falling over a {'night' if night else 'winter day'} landscape",
    ]


def _clouds_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    sunset, motion = scene["time"] == "sunset", scene["motion"]
    if sunset:
        return [
            f"clouds drifting {motion} over green hills at sunset",
            f"pink clouds moving {motion} over hills at sunset",
        ]
    return [f"clouds drifting {motion} over green hills", f"white clouds moving {motion} over hills in a blue sky"]


def _sun_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    land, rising = synonym(rng, scene["land"]), scene["motion"] == "rising"
    if scene["body"] == "moon":
        return [f"the moon {scene['motion']} over {land}{' at night' if rng.random() < 0.6 else ''}"]
    return [f"the sun {scene['motion']} over {land}", f"{'sunrise' if rising else 'sunset'} over {land}"]


def _boat_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    color, motion = scene["color"], scene["motion"]
    day = pick(rng, ["", " on a sunny day", " during the day"])
    when = {"day": day, "night": " at night", "sunset": " at sunset"}[scene["time"]]
    return [
        f"a boat with a {color} sail sailing {motion} on the sea{when}",
        f"a {color} sailboat moving {motion} on the ocean{when}",
        f"a {color} boat sailing {motion} on the water{when}",
    ]


def _ripples_captions(scene: Scene, rng: np.random.Generator) -> list[str]:
    color, background = scene["color"], scene["background"]
    return [
        f"{color} ripples spreading on a {background} background",
        f"expanding {color} rings on a {background} background",
        f"{color} circles rippling outward over {background}",
    ]


_CAPTIONS = {
    "shape": _shape_captions,
    "waves": _waves_captions,
    "snow": _snow_captions,
    "clouds": _clouds_captions,
    "sun": _sun_captions,
    "boat": _boat_captions,
    "ripples": _ripples_captions,
}
