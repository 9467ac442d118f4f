"""Draw a scene as a clip: 17 frames of 96 x 64, uint8 RGB, array ``[frame, row, column, channel]``.

Lengths are in units of a 120 x 80 world, so that one unit is 0.8 pixel. Every edge is a signed distance
clipped over one pixel, which antialiases it.
"""

import numpy as np
from numpy.typing import NDArray

from generation.training.grammar import BACKGROUNDS, COLORS, RGB, Scene

FRAMES, HEIGHT, WIDTH = 17, 64, 96
SCALE = 0.8  # pixels per unit
WORLD_W, WORLD_H = WIDTH / SCALE, HEIGHT / SCALE
Array = NDArray[np.float32]
Path = tuple[Array, Array, Array, Array]  # center x, center y, radius and angle of a shape, by frame

_rows, _columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
X, Y = ((_columns + 0.5) / SCALE)[None], ((_rows + 0.5) / SCALE)[None]
T = np.linspace(0, 1, FRAMES, dtype=np.float32)[:, None, None]
TAU = 2 * np.pi


def draw(scene: Scene, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw the scene; what the words leave open (tint, place, speed) comes from ``rng``."""
    clip = np.broadcast_to(_DRAW[scene.kind](scene, rng), (FRAMES, HEIGHT, WIDTH, 3))
    return np.clip(clip, 0, 255).astype(np.uint8)


def tint(color: RGB | tuple[float, ...], rng: np.random.Generator, spread: float = 10) -> Array:
    return np.clip(np.array(color, np.float32) + rng.uniform(-spread, spread, 3), 0, 255).astype(np.float32)


def lay(picture: Array, distance: Array, color: Array, softness: float = 1.0, opacity: float = 1.0) -> Array:
    """Lay a color over the picture where the signed distance (in units) is negative."""
    mask = np.clip(0.5 - distance * SCALE * softness, 0, 1)[..., None] * opacity
    return picture * (1 - mask) + color * mask


def backdrop(name: str, rng: np.random.Generator) -> Array:
    return np.clip(tint(BACKGROUNDS[name], rng, 6) * (1.0 - 0.18 * Y / WORLD_H)[..., None] + 4, 0, 255)


def distance_to(shape: str, u: Array, v: Array, radius: Array) -> Array:
    """Signed distance of the point (u, v) to a shape around the origin."""
    if shape == "circle":
        return np.hypot(u, v) - radius
    if shape == "square":
        return np.maximum(abs(u), abs(v)) - radius * 0.86
    if shape == "triangle":
        side = np.sqrt(3.0) / 2
        return np.maximum(np.maximum(-u * side - v / 2, u * side - v / 2), v) - radius * 1.05 * 0.55
    return _distance_to_star(u, v, radius * 1.15)


def _distance_to_star(u: Array, v: Array, radius: Array) -> Array:
    """Distance to the line from a point of the star to its neighboring notch, folded into one tenth of the circle."""
    fold = TAU / 5
    angle = abs((np.arctan2(u, -v) + fold / 2) % fold - fold / 2)
    reach = np.hypot(u, v)
    x, y = reach * np.cos(angle), reach * np.sin(angle)
    edge_x = radius * 0.45 * np.cos(fold / 2) - radius
    edge_y = radius * 0.45 * np.sin(fold / 2)
    return ((x - radius) * edge_y - y * edge_x) / np.hypot(edge_x, edge_y)


def _draw_shape(scene: Scene, rng: np.random.Generator) -> Array:
    low, high = {"": (13, 17), "small": (9.5, 11.5), "large": (18, 22)}[scene["size"]]
    radius = float(rng.uniform(low, high))
    tilt = 0.0 if rng.random() < 0.8 else rng.uniform(-0.25, 0.25)
    x, y, radii, angle = _path(scene["motion"], radius, rng)
    cos, sin = np.cos(tilt + angle), np.sin(tilt + angle)
    u, v = cos * (X - x) + sin * (Y - y), cos * (Y - y) - sin * (X - x)
    color = tint(COLORS[scene["color"]], rng)
    return lay(backdrop(scene["background"], rng), distance_to(scene["shape"], u, v, radii), color)


def _path(motion: str, radius: float, rng: np.random.Generator) -> Path:
    still = np.zeros_like(T)
    start, end = rng.uniform(0, 0.12), 1 - rng.uniform(0, 0.12)
    progress = start + (end - start) * T
    x = still + rng.uniform(radius + 6, WORLD_W - radius - 6)
    y = still + (rng.uniform(radius + 4, WORLD_H - radius - 4) if radius < WORLD_H / 2 - 6 else WORLD_H / 2)
    across = (radius + 2) + (WORLD_W - 2 * radius - 4) * progress
    along = (radius + 1) + (WORLD_H - 2 * radius - 2) * progress
    if motion in ("left", "right"):
        return (across if motion == "right" else WORLD_W - across), y, still + radius, still
    if motion in ("up", "down"):
        return x, (along if motion == "down" else WORLD_H - along), still + radius, still
    if motion == "bouncing":
        hop = abs(np.sin(np.pi * (rng.choice([2, 1.5]) * T + 0.5)))
        return x, WORLD_H - radius - 2 - (WORLD_H - 2 * radius - 4) * hop, still + radius, still
    return _path_in_place(motion, radius, progress, rng)


def _path_in_place(motion: str, radius: float, progress: Array, rng: np.random.Generator) -> Path:
    still = np.zeros_like(T)
    x, y = still + WORLD_W / 2 + rng.uniform(-12, 12), still + WORLD_H / 2 + rng.uniform(-3, 3)
    if motion == "circling":
        phase = rng.uniform(0, TAU) + rng.choice([-1, 1]) * TAU * T
        rise = WORLD_H / 2 - radius - 3 if radius < WORLD_H / 2 - 6 else 12
        return WORLD_W / 2 + 32 * np.cos(phase), WORLD_H / 2 + rise * np.sin(phase), still + radius, still
    if motion == "spinning":
        return x, y, still + radius, rng.choice([-1, 1]) * rng.uniform(2.2, 4) * T
    grown = radius * (0.35 + 1.15 * (progress if motion == "growing" else 1 - progress))
    return x, y, grown, still


def _draw_waves(scene: Scene, rng: np.random.Generator) -> Array:
    first = tint(COLORS[scene["color"]], rng)
    second = tint(COLORS.get(scene["second"], BACKGROUNDS["black"]), rng)
    length, sway = rng.uniform(22, 34), rng.uniform(3, 8)
    frequency, phase, speed = rng.uniform(0.05, 0.09), rng.uniform(0, TAU), rng.uniform(1.2, 2.0) * length
    sign = -1 if scene["motion"] in ("left", "up") else 1
    along, across = (X, Y) if scene["motion"] in ("left", "right") else (Y, X)
    place = along - sign * speed * T + sway * np.sin(across * frequency + phase + T * 2)
    mask = (0.5 + 0.5 * np.clip(np.sin(place * TAU / length + phase) * 3.2, -1, 1))[..., None]
    return second * (1 - mask) + first * mask


def _draw_ripples(scene: Scene, rng: np.random.Generator) -> Array:
    color, ground = tint(COLORS[scene["color"]], rng), tint(BACKGROUNDS[scene["background"]], rng, 6)
    length, phase = rng.uniform(18, 26), rng.uniform(0, TAU)
    reach = np.hypot(X - WORLD_W / 2 - rng.uniform(-15, 15), Y - WORLD_H / 2 - rng.uniform(-8, 8))
    wave = np.clip(np.sin((reach - rng.uniform(1.2, 1.9) * length * T) * TAU / length + phase) * 2.2 + 0.2, 0, 1)
    mask = (wave * np.clip(1.15 - reach / 85, 0, 1))[..., None]
    return ground * (1 - mask) + color * mask


SKIES: dict[str, tuple[RGB, RGB]] = {
    "day": ((105, 175, 240), (205, 232, 250)),
    "night": ((10, 14, 44), (38, 48, 98)),
    "sunset": ((92, 62, 140), (250, 150, 80)),
    "sun": ((70, 95, 190), (252, 160, 90)),
    "moon": ((8, 12, 40), (36, 46, 100)),
}
DAYLIGHT = {"night": 0.4, "sunset": 0.7, "day": 1.0, "sun": 0.75, "moon": 0.35}


def _sky(name: str, rng: np.random.Generator) -> Array:
    top, bottom = tint(SKIES[name][0], rng, 6), tint(SKIES[name][1], rng, 6)
    return top + (bottom - top) * np.clip(Y / (WORLD_H * 0.75), 0, 1)[..., None]


def _ridge(rng: np.random.Generator, base: float, height: float) -> Array:
    """Signed distance to the ground below a ridge of three sines."""
    line = np.zeros_like(X)
    for k in range(1, 4):
        line = line + height / k * np.sin(X / WORLD_W * TAU * rng.uniform(0.6, 1.3) * k + rng.uniform(0, TAU))
    return base - line - Y


def _lay_hills(picture: Array, color: Array, rng: np.random.Generator, far: float = 0.82, near: float = 0.62) -> Array:
    picture = lay(picture, _ridge(rng, rng.uniform(52, 57), 6), color * far)
    return lay(picture, _ridge(rng, rng.uniform(63, 68), 5), color * near)


def _lay_sea(picture: Array, light: float, rng: np.random.Generator) -> tuple[Array, float]:
    horizon, phase = float(rng.uniform(50, 56)), rng.uniform(0, TAU)
    surface = horizon + 1.5 * np.sin(X * 0.16 + phase + T * 7)
    shade = 1.0 + 0.13 * np.sin(X * 0.12 + Y * 0.55 - T * 6.5 + phase) - 0.006 * (Y - horizon)
    color = np.array((35, 95, 165), np.float32) * light * shade[..., None]
    return lay(picture, surface - Y, color), horizon


def _lay_clouds(picture: Array, time: str, drift: float, rng: np.random.Generator, lift: float = 1.0) -> Array:
    color = np.array((250, 190, 160) if time == "sunset" else (250, 250, 252), np.float32)
    nearest = np.full((FRAMES, HEIGHT, WIDTH), 1e3, np.float32)
    for _ in range(int(rng.integers(2, 4))):
        x0, y, size = rng.uniform(0, WORLD_W), rng.uniform(10, 30) * lift, rng.uniform(9, 13)
        x = (x0 + drift * T + 30) % (WORLD_W + 60) - 30
        for dx, dy, part in ((0, 0, 1), (-0.95, 0.25, 0.7), (1, 0.25, 0.75)):
            puff = np.hypot(X - x - dx * size, (Y - y - dy * size) * 1.35) - size * part
            nearest = np.minimum(nearest, puff)
    return lay(picture, nearest + 0.6, color, softness=0.6, opacity=0.92)


def _draw_sun(scene: Scene, rng: np.random.Generator) -> Array:
    is_sun = scene["body"] == "sun"
    height = T if scene["motion"] == "rising" else 1 - T
    y, x, radius = 66 - 46 * height, rng.uniform(36, 84), rng.uniform(9, 12)
    picture = _sky(scene["body"], rng) * ((0.55 + 0.45 * height) if is_sun else np.ones_like(T))[..., None]
    color = np.array((255, 225, 120) if is_sun else (238, 238, 225), np.float32)
    reach = np.hypot(X - x, Y - y)
    glow = (0.45 * np.exp(-np.clip(reach - radius, 0, None) / 9))[..., None]
    picture = lay(picture * (1 - glow) + color * glow, reach - radius, color)
    light = DAYLIGHT[scene["body"]]
    if scene["land"] == "sea":
        return _lay_sea(picture, light, rng)[0]
    return _lay_hills(picture, np.array((70, 155, 75), np.float32) * light, rng)


def _draw_snow(scene: Scene, rng: np.random.Generator) -> Array:
    light = max(DAYLIGHT[scene["time"]], 0.62)
    ground = np.array((235, 240, 248), np.float32) * light
    picture = _lay_hills(_sky(scene["time"], rng), ground, rng, near=1.0)
    nearest, wind = np.full((FRAMES, HEIGHT, WIDTH), 1e3, np.float32), rng.uniform(-10, 10)
    for _ in range(int(rng.integers(22, 30))):
        phase, speed = rng.uniform(0, TAU), rng.uniform(38, 62)
        x = (rng.uniform(0, WORLD_W) + wind * T + 2.5 * np.sin(phase + T * 4)) % WORLD_W
        y = (rng.uniform(0, WORLD_H) + speed * T) % (WORLD_H + 6) - 3
        nearest = np.minimum(nearest, np.hypot(X - x, Y - y) - rng.uniform(1.3, 2.3))
    return lay(picture, nearest, np.array((250, 250, 255), np.float32))


def _draw_clouds(scene: Scene, rng: np.random.Generator) -> Array:
    drift = rng.uniform(28, 46) * (-1 if scene["motion"] == "left" else 1)
    picture = _lay_clouds(_sky(scene["time"], rng), scene["time"], drift, rng)
    return _lay_hills(picture, np.array((70, 155, 75), np.float32) * DAYLIGHT[scene["time"]], rng)


def _draw_boat(scene: Scene, rng: np.random.Generator) -> Array:
    time, sign = scene["time"], (-1 if scene["motion"] == "left" else 1)
    light, speed = DAYLIGHT[time], rng.uniform(28, 46)
    picture = _sky(time, rng)
    if time == "day":
        picture = _lay_clouds(picture, time, -0.25 * sign * speed, rng, lift=0.8)
    else:
        night = time == "night"
        color = np.array((238, 238, 225) if night else (255, 225, 130), np.float32)
        picture = lay(picture, np.hypot(X - 92, Y - (16 if night else 44)) - 7.5, color)
    picture, horizon = _lay_sea(picture, light, rng)
    travelled = rng.uniform(24, 42) + speed * T
    x = travelled if sign > 0 else WORLD_W - travelled
    u, v = (X - x) * sign, Y - (horizon + 1 + 1.8 * np.sin(rng.uniform(0, TAU) + T * 7))
    hull = -np.minimum(np.minimum(v + 3.5, 6 - v), 17 - v * 0.9 - abs(u))
    sail = -np.minimum(np.minimum(-v - 5, u + 9.5), (v + 34) * 0.62 - u - 3)
    picture = lay(picture, hull, np.array((120, 70, 40), np.float32) * max(light, 0.55))
    return lay(picture, sail, tint(COLORS[scene["color"]], rng) * max(light, 0.75))


_DRAW = {
    "shape": _draw_shape,
    "waves": _draw_waves,
    "ripples": _draw_ripples,
    "sun": _draw_sun,
    "snow": _draw_snow,
    "clouds": _draw_clouds,
    "boat": _draw_boat,
}
