"""Faults of what a worker works with: the disk, the encoder, the model's folder, the memory."""

import os
import resource
import signal
from pathlib import Path

from generation.drill import checker
from generation.drill.looking import failures, is_alive, reasons, size_of, trouble, used
from generation.drill.scene import Scene, Unexpected
from generation.drill.servers import resize, wait_for
from generation.drill.site import DISK

STRETCH = 4096  # bytes of each file of weights that are spoiled while the model runs
SEEDS = range(900_001, 900_004)  # of clips that are rendered before and while the model is spoiled; no other's
STEPS = range(9, 12)  # another number for each, so that each is rendered alone, and its pixels are the same again


# --- disk and encoder -------------------------------------------------------------------------------------------------
def fill_disk(scene: Scene) -> None:
    """The disk of the store is full, then there is room again: jobs wait, say why, and go on by themselves."""
    media = scene.site.media
    if scene.site.has_small_disk:
        resize(media, used(media) + 16_384)
        scene.notes.append("a small disk of its own")
    else:
        limit(scene.child, resource.RLIMIT_FSIZE, 4096)
        scene.notes.append("RLIMIT_FSIZE, since this machine mounts nothing for us")
    scene.site.go()
    wait_for_trouble(scene, "the pipeline did not say that the disk is full")
    if scene.site.has_small_disk:
        resize(media, DISK)
    elif is_alive(scene.child):
        limit(scene.child, resource.RLIMIT_FSIZE, resource.RLIM_INFINITY)
    scene.mended()


def kill_ffmpeg(scene: Scene) -> None:
    """kill -9 of the encoder while it works."""
    ffmpeg = scene.pids[1]
    scene.site.go()
    wait_for(lambda: "ffmpeg" in Path(f"/proc/{ffmpeg}/exe").readlink().name, "ffmpeg did not start", every=0.002)
    os.kill(ffmpeg, signal.SIGKILL)


# --- the model's folder -----------------------------------------------------------------------------------------------
def spoil_model(scene: Scene) -> None:
    """A bit of the weights changes on the disk, and the child starts anew: nothing is rendered with such a model."""
    weights = max(weights_of(scene), key=lambda path: path.stat().st_size)
    flip(weights)
    os.kill(scene.child, signal.SIGKILL)
    wait_for_trouble(scene, "the pipeline did not say that its folder changed")
    flip(weights)
    scene.mended()


def spoil_running_model(scene: Scene) -> None:
    """Bytes of every file of weights change in place while a child denoises, and the child lives.

    What it renders is made of what was checked when it was loaded: frame by frame the same as before. The next child
    loads nothing until the bytes are back.
    """
    scene.site.go()
    before = rendered_by(scene, artist=0)
    scene.wait_until_ended(list(before.values()))
    scene.site.stop_at("denoise")
    after = rendered_by(scene, artist=1)
    (child, *_) = scene.site.wait_until_stopped()
    for weights in weights_of(scene):
        flip(weights, STRETCH)
    scene.site.go()
    scene.wait_until_ended(list(after.values()))
    compare(scene, before, after)
    os.kill(child, signal.SIGKILL)
    scene.submit(2)
    wait_for_trouble(scene, "the pipeline did not say that its folder changed")
    for weights in weights_of(scene):
        flip(weights, STRETCH)
    scene.mended()


def rendered_by(scene: Scene, *, artist: int) -> dict[int, str]:
    """The same clips for another artist, whom nobody gives an existing one; their jobs by seed."""
    made = {seed: scene.site.submit_as(artist, seed, steps) for seed, steps in zip(SEEDS, STEPS, strict=True)}
    scene.jobs += made.values()
    return made


def compare(scene: Scene, before: dict[int, str], after: dict[int, str]) -> None:
    """Raises: Unexpected: a clip came out other than before, or not at all."""
    frames = checker.frames(scene.site.database.place)
    same = [seed for seed, job in before.items() if frames.get(job) and frames.get(job) == frames.get(after[seed])]
    scene.notes.append(f"{len(same)} of {len(before)} clips came out the same while the folder was another")
    if len(same) < len(before):
        raise Unexpected(f"{len(before) - len(same)} of {len(before)} clips came out other than before")


def weights_of(scene: Scene) -> list[Path]:
    return sorted(scene.site.model.rglob("*.safetensors"))


def flip(path: Path, stretch: int = 1) -> None:
    """Change a bit of so many bytes in the middle of a file, in place; twice is back again."""
    with path.open("rb+") as file:
        file.seek(path.stat().st_size // 2)
        before = file.read(stretch)
        file.seek(-len(before), os.SEEK_CUR)
        file.write(bytes(byte ^ (1 if stretch == 1 else 0x40) for byte in before))


# --- memory -----------------------------------------------------------------------------------------------------------
def starve(scene: Scene) -> None:
    """The child gets no more memory, and whatever asks next fails: torch, a thread, ffmpeg.

    Jobs fail readably or succeed alone, and the others go on.
    """
    limit(scene.child, resource.RLIMIT_AS, size_of(scene.child) + (1 << 20))
    scene.site.go()
    wait_for(lambda: failures(scene) > 0, "nothing failed for want of memory", within=60, every=0.2)
    scene.notes += reasons(scene)
    if is_alive(scene.child):
        limit(scene.child, resource.RLIMIT_AS, resource.RLIM_INFINITY)
    scene.now()


def limit(pid: int, what: int, soft: int) -> None:
    _, hard = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, hard))


# --- what a pipeline in trouble says ----------------------------------------------------------------------------------
def wait_for_trouble(scene: Scene, otherwise: str) -> None:
    """Until the pipeline says why it cannot be used; noted.

    Raises:
        TimeoutError: it says nothing.
        Unexpected: what it says is no sentence for a person.
    """
    wait_for(lambda: trouble(scene.site), otherwise, within=120, every=0.2)
    scene.notes.append(said := trouble(scene.site))
    if not checker.SENTENCE.fullmatch(said):
        raise Unexpected(f"the pipeline says {said!r}, which is no sentence for a person")
