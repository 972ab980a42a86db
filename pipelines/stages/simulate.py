"""simulate: scripts and their speech -> two-channel dialogues with exact labels (synth.duplex)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, Self

from pydantic import Field, model_validator

from turnmill.manifests.audio import Audio, decode, encode_flac
from turnmill.manifests.licences import of_derivative
from turnmill.manifests.params import LicenceStatement, Params
from turnmill.manifests.records import Reject, stable_hash
from turnmill.manifests.tar import TarWriter
from turnmill.pipelines.guard import Guard, Item
from turnmill.pipelines.stage import Made, Row, Shard, Stage, Workspace, hours, read_span
from turnmill.synth.acoustics import (
    MADE_SOUNDS,
    WHITE,
    AcousticsParams,
    check_categories,
    check_pools,
    divided,
    draw_acoustics,
    load_pools,
    pool_files,
)
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.planning.planner import plan_timeline
from turnmill.synth.duplex.rendering.labels import (
    dialogue_row,
    event_rows,
    sample_json,
    turn_rows,
    unplaced_rows,
    word_rows,
)
from turnmill.synth.duplex.rendering.material import Material, spoken_material, with_sounds
from turnmill.synth.duplex.rendering.render import render
from turnmill.synth.duplex.timeline import Timeline
from turnmill.synth.duplex.timing import Timing, timing
from turnmill.synth.script import Script
from turnmill.synth.speech import Word


class SimulateParams(Params):
    preset: str = Field(default="assistant", description="timing: assistant, telephone, video_call, or a preset file")
    timing: Timing = Field(default_factory=timing, description="what differs from the preset")
    acoustics: AcousticsParams = AcousticsParams()
    takes: int = Field(
        default=1,
        ge=1,
        le=64,
        description="simulations of each dialogue's speech; at most 64, for a shard's rows are held until it ends",
    )
    noises: tuple[Path, ...] = Field(
        default=(), description="folders of noise, a folder inside a category; none: white noise and made sounds"
    )
    rooms: tuple[Path, ...] = Field(
        default=(), description="files or folders of impulse responses; none: simulated rooms alone"
    )
    recordings_licence: LicenceStatement | None = Field(default=None, description="licence of noises and rooms")

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        preset, changes = raw.get("preset", "assistant"), raw.get("timing") or {}
        if not isinstance(preset, str) or not isinstance(changes, Mapping):
            return raw
        return {**raw, "timing": timing(preset, changes)}

    @model_validator(mode="after")
    def _licensed(self) -> Self:
        if (self.noises or self.rooms) and self.recordings_licence is None:
            raise ValueError("noises and rooms need their recordings_licence: {spdx, redistribute, commercial}")
        return self


class Simulate(Stage):
    name = "simulate"
    version = 8
    needs = ("scripts", "speech")
    tables = ("turns", "events", "words", "unplaced", "dialogues")
    items = "dialogues"
    host_params = frozenset({"preset", "noises", "rooms"})

    def __init__(self, params: SimulateParams, seed: int) -> None:
        self.params: SimulateParams = params
        self.seed = seed
        self.takes: Sequence[int] = range(params.takes)
        """Those that are made: some of them, where somebody wants to hear one."""

    def identity(self) -> Mapping[str, Any]:
        alone = {} if len(self.takes) == self.params.takes else {"takes": list(self.takes)}
        return {"seed": self.seed, "recordings": digest(self.params.noises, self.params.rooms), **alone}

    def check(self) -> None:
        pools = check_pools(self.params.noises, self.params.rooms)
        check_categories(self.params.acoustics.noise, pools)

    def setup(self) -> None:
        self.pools = divided(load_pools(self.params.noises, self.params.rooms), self.seed)

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        speech: dict[str, list[Row]] = {}
        for row in workspace.rows("speech", shard.key):
            speech.setdefault(row["dialogue"], []).append(row)
        tables: dict[str, list[Row]] = {table: [] for table in self.tables}
        rejects: list[Reject] = []
        scripts = workspace.rows("scripts", shard.key)
        guard.expect(len(scripts) * len(self.takes))
        with (
            workspace.open_tar("speech", shard.key) as spoken,
            workspace.write_tar("dialogues", shard.key) as tar,
        ):
            for row in scripts:
                script = Script.from_json(row["script"])
                lines = speech.get(script.id, ())
                item = Item(script.id, sum(line["duration"] for line in lines))
                material = guard.caught(item, partial(_material, script, lines, spoken))
                for take, taken in self._taken(script):
                    if isinstance(material, Reject):
                        made: Reject | None = replace(material, uid=taken.id)
                        guard.did(1)
                    else:
                        work = partial(
                            self._simulate, taken, script.id, take, row["split"], material, shard, tar, tables
                        )
                        made = guard.one(replace(item, uid=taken.id), work)
                    rejects += [made] if made else []
        return Made(tables, rejects, len(scripts) * len(self.takes), hours(tables["dialogues"]))

    def _taken(self, script: Script) -> Iterator[tuple[int, Script]]:
        """A take is the same script under a name of its own, from which all that is drawn for it follows."""
        for take in self.takes:
            yield take, script if self.params.takes == 1 else replace(script, id=f"{script.id}~{take}")

    def _simulate(
        self,
        script: Script,
        origin: str,
        take: int,
        split: str,
        spoken: Material,
        shard: Shard,
        tar: TarWriter,
        tables: Mapping[str, list[Row]],
    ) -> Reject | None:
        pools = self.pools[split]
        script, material = with_sounds(script, spoken, pools, self.seed)
        timeline = plan_timeline(
            script,
            material.lines,
            self.params.timing,
            lambda n_samples: draw_acoustics(self.params.acoustics, pools, self.seed, script.id, n_samples),
            self.seed,
        )
        if isinstance(timeline, Reject):
            return timeline
        if self.params.recordings_licence and uses_recordings(timeline):
            script = replace(script, licence=of_derivative([script.licence, self.params.recordings_licence.licence]))
        rendered = render(timeline, material.pcm, pools)
        sample = sample_json(script, timeline, rendered.fitted, origin)
        key = stable_hash(script.id)
        user_clean, delivered = encode_flac(Audio(rendered.user_clean[None], RATE)), Audio(rendered.channels, RATE)
        del rendered  # of ten minutes its stems have 173 MB, and encoding needs as much
        offset, size = tar.add(f"{key}.flac", encode_flac(delivered))
        # Always kept in the lake, for `verify` times the user on it; `shard` decides whether it is delivered.
        clean = tar.add(f"{key}.user.flac", user_clean)
        where = {
            "shard": shard.key,
            "offset": offset,
            "size": size,
            "clean_offset": clean[0],
            "clean_size": clean[1],
        }
        made = {
            "dialogues": [{**dialogue_row(script, timeline, sample, split, origin, take), **where}],
            "turns": turn_rows(timeline),
            "events": event_rows(timeline),
            "words": word_rows(timeline),
            "unplaced": unplaced_rows(timeline),
        }
        for table, rows in made.items():  # all of them, or none
            tables[table].extend(rows)
        return None


def _material(script: Script, lines: Sequence[Row], tar: BinaryIO) -> Material:
    spoken = {
        line["line"]: (
            decode(read_span(tar, line["offset"], line["size"]), line["line"]).samples[0],
            tuple(Word(word["word"], word["start"], word["end"]) for word in line["words"]),
        )
        for line in lines
    }
    return spoken_material(script, spoken)


def uses_recordings(timeline: Timeline) -> bool:
    """Whether a noise, a room or a sound of the user's pools is in it."""
    heard = timeline.acoustics
    made = {*MADE_SOUNDS, None}
    sounds = {event.params.get("sound") for event in timeline.events}
    noise = heard.noise is not None and heard.noise.category != WHITE
    return noise or isinstance(heard.room, str) or not sounds <= made


def digest(noises: Sequence[Path], rooms: Sequence[Path]) -> str:
    """Of recordings by name and bytes."""
    files = ((name, path, path.stat()) for name, path in pool_files(noises, rooms))
    known = [f"{name} {_hashed(path, found.st_size, found.st_mtime_ns)}" for name, path, found in files]
    return stable_hash(*sorted(known), size=16)


@cache
def _hashed(path: Path, _size: int, _modified_ns: int) -> str:
    """Of a file's bytes, which a process reads once for as long as the file has the same size and time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
