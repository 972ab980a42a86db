"""simulate: scripts and their speech -> two-channel dialogues with exact labels (synth.duplex)."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from manifests.licences import strictest
from manifests.params import LicenceStatement, Params
from manifests.records import Reject, stable_hash
from manifests.tar import TarWriter
from pipelines.stage import Made, Row, Shard, Stage, Workspace, hours, read_span
from sources.audio import Audio, decode, encode_flac
from synth.acoustics import NoiseParams, draw_noise, load_pool
from synth.duplex import RATE
from synth.duplex.labels import dialogue_row, event_rows, sample_json, turn_rows, word_rows
from synth.duplex.planner import plan_timeline
from synth.duplex.render import render
from synth.duplex.spoken import SpokenLine, measure
from synth.duplex.timing import Timing
from synth.script import Script
from synth.tts.engine import Word

Pcm = NDArray[np.float32]


class SimulateParams(Params):
    timing: Timing = Timing()
    noise: NoiseParams = NoiseParams()
    noise_files: tuple[Path, ...] = Field(default=(), description="recordings to draw noise from; none: white noise")
    noise_licence: LicenceStatement | None = Field(default=None, description="licence of the noise files")

    @model_validator(mode="after")
    def _licensed(self) -> Self:
        if self.noise_files and self.noise_licence is None:
            raise ValueError("noise_files need their noise_licence: {spdx, redistribute, commercial}")
        return self


class Simulate(Stage):
    name = "simulate"
    needs = ("scripts", "speech")
    tables = ("turns", "events", "words", "dialogues")
    items = "dialogues"
    host_params = frozenset({"noise_files"})

    def __init__(self, params: SimulateParams, seed: int) -> None:
        self.params: SimulateParams = params
        self.seed = seed

    def identity(self) -> Mapping[str, Any]:
        noise = {path.name: hashlib.blake2b(path.read_bytes()).hexdigest() for path in self.params.noise_files}
        return {"seed": self.seed, "noise": noise}

    def check(self) -> None:
        load_pool(self.params.noise_files)

    def setup(self) -> None:
        self.pool = load_pool(self.params.noise_files)

    def process(self, shard: Shard, workspace: Workspace) -> Made:
        speech: dict[str, list[Row]] = {}
        for row in workspace.rows("speech", shard.key):
            speech.setdefault(row["dialogue"], []).append(row)
        tables: dict[str, list[Row]] = {table: [] for table in self.tables}
        rejects: list[Reject] = []
        scripts = workspace.rows("scripts", shard.key)
        with (
            workspace.open_tar("speech", shard.key) as spoken,
            workspace.write_tar("dialogues", shard.key) as tar,
        ):
            for row in scripts:
                script = Script.from_json(row["script"])
                pcm, lines = {}, {}
                for line in speech.get(script.id, ()):
                    samples = decode(read_span(spoken, line["offset"], line["size"]), line["line"]).samples[0]
                    words = [Word(word["word"], word["start"], word["end"]) for word in line["words"]]
                    measured = measure(samples, words)
                    if measured is not None:
                        pcm[line["line"]], lines[line["line"]] = samples, measured
                reject = self._simulate(script, row["split"], pcm, lines, shard, tar, tables)
                rejects += [reject] if reject else []
        return Made(tables, rejects, len(scripts), hours(tables["dialogues"]))

    def _simulate(
        self,
        script: Script,
        split: str,
        pcm: Mapping[str, Pcm],
        lines: Mapping[str, SpokenLine],
        shard: Shard,
        tar: TarWriter,
        tables: Mapping[str, list[Row]],
    ) -> Reject | None:
        noise = draw_noise(self.params.noise, sorted(self.pool), self.seed, script.id)
        timeline = plan_timeline(script, lines, self.params.timing, noise, self.seed)
        if isinstance(timeline, Reject):
            return timeline
        if timeline.noise is not None and timeline.noise.name in self.pool and self.params.noise_licence:
            script = replace(script, licence=strictest([script.licence, self.params.noise_licence.licence]))
        rendered = render(timeline, pcm, self.pool)
        sample = sample_json(script, timeline, rendered.gain_db)
        key = stable_hash(script.id)
        offset, size = tar.add(f"{key}.flac", encode_flac(Audio(rendered.channels, RATE)))
        # Always kept in the lake, for `verify` times the user on it; `shard` decides whether it is delivered.
        clean = tar.add(f"{key}.user.flac", encode_flac(Audio(rendered.user_clean[None], RATE)))
        where = {
            "shard": shard.key,
            "offset": offset,
            "size": size,
            "clean_offset": clean[0],
            "clean_size": clean[1],
        }
        tables["dialogues"].append({**dialogue_row(script, timeline, sample, split), **where})
        tables["turns"].extend(turn_rows(timeline))
        tables["events"].extend(event_rows(timeline))
        tables["words"].extend(word_rows(timeline))
        return None
