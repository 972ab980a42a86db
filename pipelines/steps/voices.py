"""voices: a bank of voices from real recordings, chosen by SQL from the clips of a finished run. Whole-table step.

A voice is a recording of one speaker with its transcript: what a cloning engine speaks after. No speaker is both the
assistant and a user, nor in two splits. What is chosen depends on the seed and on what the source's tables say of its
clips, not on where that source lies.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from typing import Any, Final

import duckdb
import yaml
from pydantic import ConfigDict, Field, model_validator

from turnmill.manifests.audio import Audio, AudioError, decode, encode_flac, mono
from turnmill.manifests.errors import UsageError
from turnmill.manifests.genders import Gender, gender_of
from turnmill.manifests.index import RECIPE, Index
from turnmill.manifests.licences import all_of, licence_of
from turnmill.manifests.params import LicenceStatement, Params, validated
from turnmill.manifests.query import check_condition, connect, passed, quoted, read_only, select_statement
from turnmill.manifests.records import Licence, Reason, Reject, stable_hash
from turnmill.manifests.schema import SPEECH, to_table
from turnmill.manifests.store import Store, part_name, tar_name
from turnmill.manifests.tar import TarWriter
from turnmill.manifests.wording import plural
from turnmill.pipelines.bank import ALL, TABLE
from turnmill.pipelines.stage import Row, Workspace, hours, part_notes, read_span, reject_row
from turnmill.pipelines.steps.plan import Split, SplitShares
from turnmill.sources.catalogue import Entry, load, names, override
from turnmill.sources.measure import quality

SHORTEST_S, LONGEST_S = 3.0, 10.0  # of a prompt
VERSION = 2

MARGIN_S: Final = 0.1  # kept before the first and after the last speech
_TRIES: Final = 3  # further recordings of a speaker to look at where the best one has no speech or too little
_SPLITS: Final[tuple[Split, ...]] = ("train", "valid", "test")

# Measures count where they were made. SNR: the bar of LibriTTS's clean subsets (arXiv 1904.02882). Rate: CosyVoice
# takes prompts of 16 kHz or more (docs/engines.md).
_FIT = f"""who IS NOT NULL AND coalesce(one_speaker, true) AND coalesce(n_speakers = 1, true)
    AND coalesce(language, asr_language) IS NOT NULL AND sample_rate >= 16000
    AND duration BETWEEN {SHORTEST_S} AND {LONGEST_S} AND coalesce(snr_db >= 20, true)
    AND coalesce(clipping_ratio <= 0.001, true) AND coalesce(speech_ratio >= 0.6, true)
    AND trim(text) <> '' AND coalesce(text_error <= 0.1, trust IS DISTINCT FROM 'asr')"""
# A clip without a name whose voice is, or may be, that of somebody who has one is nobody's: else that voice would stand
# under two names, and in two splits.
_WHO = """coalesce(corpus || '/' || speaker, CASE WHEN speaker_cluster NOT IN (SELECT speaker_cluster FROM clips_all
    WHERE speaker IS NOT NULL AND speaker_cluster IS NOT NULL) THEN speaker_cluster END)"""
_FITNESS = (
    f"{SHORTEST_S:.0f} to {LONGEST_S:.0f} s of one clean speaker at 16 kHz or more, in a known language, "
    "with a trusted transcript, under a licence that allows derivatives"
)


class VoiceShares(SplitShares):
    """Shares of the users' speakers in each split."""

    train: float = Field(default=0.8, ge=0, le=1)
    valid: float = Field(default=0.1, ge=0, le=1)
    test: float = Field(default=0.1, ge=0, le=1)


class VoicesParams(Params):
    """Without it the voices are the engine's own. `from` names another run's output; its clips are never changed."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: str = Field(alias="from", min_length=1, description="output folder or URL of a finished run with clips")
    where: str = Field(default="true", min_length=1, description="SQL condition over clips_all: which may be voices")
    users: int = Field(default=200, ge=3, le=10_000, description="users' speakers of a language, at most")
    assistants: int = Field(default=1, ge=1, le=100, description="assistant's speakers of a language")
    assistant: str | None = Field(
        default=None, description="clip (uid) or speaker of the assistant's voice; null: drawn. `where` does not apply"
    )
    per_speaker: int = Field(
        default=1, ge=1, le=20, description="recordings of a user's speaker, at most: the cleanest"
    )
    splits: VoiceShares = VoiceShares()

    @model_validator(mode="after")
    def _one_assistant(self) -> "VoicesParams":
        if self.assistant is not None and self.assistants != 1:
            raise ValueError("`assistant` names one voice: leave `assistants` at 1")
        return self


@dataclass(frozen=True)
class _Speaker:
    """A speaker and the recordings that may be a voice, the best first."""

    name: str  # corpus/speaker, or the cluster of a speaker whom no corpus names anywhere
    language: str
    gender: Gender | None
    recordings: tuple[Row, ...]


def voices_identity(params: VoicesParams) -> Mapping[str, Any]:
    """What a bank depends on besides the seed: the parameters and what the source says of every clip that may be a
    voice; not where the source lies.

    Raises UsageError, before any work, for a source that is no finished run with clips, a `where` that does not run,
    and too few speakers.
    """
    source = _Source(params)
    found = [source.fixed, *source.speakers] if source.fixed else source.speakers
    for language in source.languages:
        _check_enough(params, language, [s for s in found if s.language == language])
    settings = params.model_dump(mode="json", exclude={"source"})
    return {"version": VERSION, "params": settings, "speakers": stable_hash(*map(_description, found), size=16)}


def make_voices(params: VoicesParams, workspace: Workspace, seed: int) -> None:
    """Choose the voices, cut their prompts and write table and tar as the part "all".

    Raises UsageError like `voices_identity`, and where too few speakers are left once the recordings were heard.
    """
    source = _Source(params)
    rejects: list[Reject] = []
    made: list[Row] = []
    with workspace.write_tar(TABLE, ALL) as tar:
        for language in source.languages:
            made += _of_language(language, source, seed, tar, rejects)
    fingerprint = workspace.fingerprints[TABLE]
    notes = part_notes(len(made) + len(rejects), len(made), len(rejects), hours(made))
    rows = to_table("rejects", (reject_row(TABLE, reject) for reject in rejects))
    workspace.store.write_part(part_name("rejects", fingerprint, ALL), rows, notes)
    workspace.store.write_part(workspace.part(TABLE, ALL), to_table(TABLE, made), notes)


class _Source:
    """The finished run that voices are chosen from."""

    def __init__(self, params: VoicesParams) -> None:
        self.params = params
        self.store = Store(params.source)
        self.index = Index.load(self.store)
        selection = self.index.maker(SPEECH.selection)
        self.clips = {maker.corpus: maker.fingerprint for maker in self.index.makers("clips")}  # None: of all corpora
        if not self.clips:
            raise UsageError(f"voices.from: {params.source} has no clips; name the output of a recipe with a `corpus`")
        if selection is None or not self.store.exists(part_name(SPEECH.selection, selection.fingerprint, ALL)):
            raise UsageError(f"voices.from: the run of {params.source} is not finished; run its recipe again first")
        self.connection = connect(self.store, self.index)
        read_only(self.connection, self.store)

    @cached_property
    def fixed(self) -> _Speaker | None:
        """The assistant that the recipe names."""
        wanted = self.params.assistant
        if wanted is None:
            return None
        found = self._speakers("true", f"{quoted(wanted)} IN (uid, speaker, who)")
        if len(found) > 1 and wanted not in [speaker.name for speaker in found]:
            both = " or ".join(f"{speaker.name!r}" for speaker in found)
            raise UsageError(f"voices.assistant: {self.params.source} has several {wanted!r}: write {both}")
        if not found:
            raise UsageError(
                f"voices.assistant: {self.params.source} has neither a clip nor a speaker {wanted!r} of {_FITNESS}"
            )
        return next((speaker for speaker in found if speaker.name == wanted), found[0])

    @cached_property
    def speakers(self) -> list[_Speaker]:
        """Everybody else that may be a voice, in no order that means anything."""
        taken = self.fixed.name if self.fixed else None
        return [speaker for speaker in self._speakers(self.params.where, "true") if speaker.name != taken]

    @property
    def languages(self) -> list[str]:
        """Sorted; one language even where nobody was found."""
        speaking = [*self.speakers, *([self.fixed] if self.fixed else [])]
        return sorted({speaker.language for speaker in speaking}) or ["any language"]

    def recording(self, row: Row) -> bytes:
        """The audio of a clip as the source's lake holds it."""
        with self.store.open(tar_name("clips", self.clips.get(row["corpus"]) or self.clips[None], row["shard"])) as tar:
            return read_span(tar, row["offset"], row["size"])

    def _speakers(self, where: str, extra: str) -> list[_Speaker]:
        made = [stage.commit for stage in self.index.stages if stage.half == "speech"]
        query = f"""
        SELECT uid, corpus, coalesce(speaker, speaker_cluster) AS speaker, who, text, duration,
            lower(split_part(coalesce(language, asr_language), '-', 1)) AS language, shard, "offset", size,
            pcm_hash, licence, licence_redistribute, snr_db, text_error, native ->> '$.accent' AS accent,
            native, tags
        FROM (SELECT *, {_WHO} AS who
            FROM {passed(SPEECH, dict.fromkeys(made))} WHERE (\n{where}\n))
        WHERE duplicate_kept AND {_FIT} AND list_contains(?, licence) AND {extra}
        QUALIFY row_number() OVER (
            PARTITION BY who ORDER BY snr_db DESC NULLS LAST, text_error NULLS LAST, md5(uid), uid
        ) <= {self.params.per_speaker + _TRIES}
        ORDER BY who, snr_db DESC NULLS LAST, text_error NULLS LAST, md5(uid), uid"""
        try:
            check_condition(where)
            cursor = self.connection.execute(select_statement(query).query, [self._licences()])
        except (duckdb.Error, UsageError) as error:
            raise UsageError(
                f"voices.where: the condition `{where}` does not run over clips_all: {str(error).splitlines()[0]} "
                f'Correct it; `turnmill query {self.params.source} "DESCRIBE clips_all"` lists the columns.'
            ) from error
        fields = [column[0] for column in cursor.description]
        rows = (_gendered(dict(zip(fields, values, strict=True))) for values in cursor.fetchall())
        return [_speaker(list(group)) for _, group in groupby(rows, lambda row: row["who"])]

    def _licences(self) -> list[str]:
        """Those of the source's clips that allow derivatives: as its recipe states, else the catalogue, else SPDX."""
        recipe = yaml.safe_load(self.store.read(RECIPE)) if self.store.exists(RECIPE) else {}
        own = [validated(LicenceStatement, recipe["licence"], RECIPE).licence] if recipe.get("licence") else []
        told = [given for given in recipe.get("corpora") or [recipe] if _is_told(given.get("corpus"))]
        licences = dict(map(_licence_of, told))
        allowed = []
        for corpus, spdx in self.connection.execute("SELECT DISTINCT corpus, licence FROM clips").fetchall():
            entry = [licences[corpus]] if corpus in licences else []
            stated = {licence.spdx: licence for licence in [*entry, *own]}
            parts = [spdx] if spdx in stated else all_of(spdx)
            if all(stated.get(part, licence_of(part, False)).derivatives for part in parts):
                allowed.append(spdx)
        return sorted(set(allowed))


def _is_told(corpus: Any) -> bool:
    """Whether a resolved recipe, with the catalogue, says what a corpus is."""
    return isinstance(corpus, dict) or corpus in names()


def _licence_of(given: Row) -> tuple[str, Licence]:
    """Name and licence of a corpus as a resolved recipe has it."""
    entry = load(given["corpus"]) if isinstance(given["corpus"], str) else validated(Entry, given["corpus"], RECIPE)
    entry = override(entry, given["entry"], RECIPE) if given.get("entry") else entry
    return entry.name, entry.licence.licence


def _gendered(row: Row) -> Row:
    """A row with the gender that its corpus states in the place of the columns that may."""
    native, tags = row.pop("native"), row.pop("tags")
    return row | {"gender": gender_of(native, tags)}


def _speaker(recordings: list[Row]) -> _Speaker:
    """A speaker's language is that of the best recording, so that nobody is in two."""
    best = recordings[0]
    mine = tuple(row for row in recordings if row["language"] == best["language"])
    return _Speaker(
        best["who"], best["language"], next((row["gender"] for row in recordings if row["gender"]), None), mine
    )


def _description(speaker: _Speaker) -> str:
    """All that a choice or a voice depends on; not where in the lake a recording lies."""
    place = ("shard", "offset", "size")
    facts = [{key: value for key, value in row.items() if key not in place} for row in speaker.recordings]
    return repr((speaker.name, speaker.language, speaker.gender, facts))


def _check_enough(params: VoicesParams, language: str, found: Sequence[object]) -> None:
    needed = params.assistants + len(_SPLITS)
    if len(found) < needed:
        raise UsageError(
            f"voices: {params.source} has {plural(len(found), 'speaker')} of {language} with a recording that can be a "
            f"voice ({_FITNESS}; where {params.where}), and {needed} are needed: {params.assistants} for the assistant "
            "and one each for the users of train, valid and test; widen `voices.where` or name a larger output"
        )


def _of_language(language: str, source: _Source, seed: int, tar: TarWriter, rejects: list[Reject]) -> list[Row]:
    """Rows of the voices of one language: the assistant's, then the users' of train, valid and test."""
    params = source.params
    speakers = [speaker for speaker in source.speakers if speaker.language == language]
    fixed = source.fixed if source.fixed and source.fixed.language == language else None
    candidates = [*([fixed] if fixed else []), *_balanced(speakers, seed)]
    wanted = params.assistants + params.users
    heard: list[tuple[_Speaker, list[Row]]] = []
    for speaker in candidates:
        count = 1 if len(heard) < params.assistants else params.per_speaker
        recordings = _recorded(speaker, count, source, tar, rejects)
        if recordings:
            heard.append((speaker, recordings))
        elif speaker is fixed:
            raise UsageError(f"voices.assistant: {params.assistant!r} cannot be a voice: {rejects[-1].detail}")
        if len(heard) == wanted:
            break
    _check_enough(params, language, heard)
    assistants, users = heard[: params.assistants], heard[params.assistants :]
    made = [_row(speaker, recordings[0], 1, "assistant", None) for speaker, recordings in assistants]
    for split, members in zip(_SPLITS, _dealt(users, params.splits), strict=True):
        for speaker, recordings in members:
            made += [_row(speaker, row, number, "user", split) for number, row in enumerate(recordings, 1)]
    return made


def _balanced(speakers: Sequence[_Speaker], seed: int) -> Iterator[_Speaker]:
    """In seeded order, women and men in turn while there are both; whose gender is unknown come last."""
    ordered = sorted(speakers, key=lambda speaker: stable_hash(seed, "voices", speaker.name))
    groups = {gender: [s for s in ordered if s.gender == gender] for gender in ("female", "male")}
    first, second = sorted(groups.values(), key=lambda group: ordered.index(group[0]) if group else len(ordered))
    both = min(len(first), len(second))
    pairs = chain.from_iterable(zip(first, second, strict=False))
    return chain(pairs, first[both:], second[both:], (s for s in ordered if s.gender is None))


def _dealt(users: Sequence[tuple[_Speaker, list[Row]]], shares: SplitShares) -> list[list[tuple[_Speaker, list[Row]]]]:
    """Users by split, in the order of `_SPLITS`: by shares, at least one in each, each gender spread over all."""
    count = len(users)
    valid = min(max(round(count * shares.valid), 1), count - 2)
    test = min(max(round(count * shares.test), 1), count - 1 - valid)
    places: list[tuple[float, int]] = []
    for gender in ("female", "male", None):
        mine = [n for n, (speaker, _) in enumerate(users) if speaker.gender == gender]
        places += [((rank + 0.5) / len(mine), n) for rank, n in enumerate(mine)]
    spread = [users[n] for _, n in sorted(places)]
    return [spread[valid + test :], spread[:valid], spread[valid : valid + test]]


def _recorded(speaker: _Speaker, count: int, source: _Source, tar: TarWriter, rejects: list[Reject]) -> list[Row]:
    """Write the prompts of a speaker's best `count` recordings; rows say where they are now, and how long."""
    kept: list[Row] = []
    for row in speaker.recordings:
        prompt = _prompt(row["uid"], source.recording(row))
        if isinstance(prompt, Reject):
            rejects.append(prompt)
            continue
        flac, audio = prompt
        offset, size = tar.add(f"{stable_hash(row['uid'])}.flac", flac)
        written = {"offset": offset, "size": size, "duration": audio.duration, "sample_rate": audio.sample_rate}
        kept.append(row | written)
        if len(kept) == count:
            break
    return kept


def _prompt(uid: str, data: bytes) -> tuple[bytes, Audio] | Reject:
    """A recording as mono FLAC without the silence around its speech, or why it cannot be a prompt."""
    try:
        audio = decode(data, uid)
        samples = mono(audio)
        segments = quality(Audio(samples[None], audio.sample_rate)).segments
        if not segments:
            return Reject(Reason.NO_PROMPT, f"{uid} holds no speech", uid=uid)
        first = max(round((segments[0][0] - MARGIN_S) * audio.sample_rate), 0)
        last = round((segments[-1][1] + MARGIN_S) * audio.sample_rate)
        cut = Audio(samples[None, first:last], audio.sample_rate)
        if not SHORTEST_S <= cut.duration <= LONGEST_S:
            bounds = f"a prompt is {SHORTEST_S:.0f} to {LONGEST_S:.0f} s"
            return Reject(
                Reason.NO_PROMPT,
                f"{uid} holds {cut.duration:.1f} s from its first to its last speech; {bounds}",
                uid=uid,
            )
        return encode_flac(cut), cut
    except AudioError as error:
        return Reject(error.reason, error.detail, uid=uid)


def _row(speaker: _Speaker, row: Row, number: int, role: str, split: Split | None) -> Row:
    copied = ("uid", "corpus", "speaker", "accent", "duration", "sample_rate", "offset", "size")
    text = row["text"].strip()
    return {
        **{key: row[key] for key in (*copied, "licence", "licence_redistribute")},
        "name": f"{speaker.name}#{number}",
        "role": role,
        "split": split,
        "language": speaker.language,
        "gender": speaker.gender,
        "text": text.lower() if text.isupper() else text,  # an engine may spell capitals
        "shard": ALL,
    }
