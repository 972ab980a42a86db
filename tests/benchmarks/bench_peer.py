"""Simulation against other simulators of conversations: the same lines, machine and noise, in turn, medians.

    EEND_DATAPREP=FOLDER PEER_PYTHON=.../bin/python python tests/benchmarks/bench_peer.py [DIALOGUES] [ROUNDS]

The quickstart's texts are spoken by espeak once; everybody gets the same lines as 16-bit files, makes as many
conversations of them, adds white noise at 10 to 20 dB, no rooms, and writes audio and labels. Each runs in a process of
its own on one thread; what counts is the time of CPU, its children's included, from the lines to the files, without the
imports. One that is not there is left out, and why is said:

  eend_dataprep  Brno's simulated conversations (Landini et al. 2022; BUTSpeechFIT/EEND_dataprep 7947e54), `v1` of the
                 work tree EEND_DATAPREP: conv_generator.py and conv2wav.py as they are. Needs `sox`
  lhotse         its ConversationalMeetingSimulator, after the same paper; in PEER_PYTHON
  sdialog        its to_audio (Idiap), with the lines in the place of its speech engine; in PEER_PYTHON

What was not run: NeMo's multispeaker simulator. nemo_toolkit 3.0.0 could not be imported beside the lightning that pip
chose (its nv_one_logger refuses the signature of save_checkpoint), and its wheel lacks the simulator's configuration.
"""

import contextlib
import io
import json
import os
import resource
import runpy
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2]))

ROOT = Path(__file__).parents[2]
RATE = 24_000
SNR_DB = (10.0, 20.0)
EEND = "EEND_DATAPREP"
PYTHON = "PEER_PYTHON"
# One thread each, and no look-up outside.
ALONE = {**dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"), "HF_HUB_OFFLINE": "1"}

# What is written beside the audio. Our own column is of `synth.duplex.rendering.labels`; theirs were read in the code,
# and seen in what this benchmark wrote:
#   eend_dataprep 7947e54, v1: conv2wav.py:144 one sum of all speakers; conv_generator.py:133 the turns are shuffled;
#     generate_data.sh:172 its label is an RTTM of segments, without text; conv2wav.py:147-161 the SNR is drawn over the
#     whole mixture, pauses included, and written nowhere, nor is the gain and offset of :166; :123 rooms
#   lhotse 1.33.0: workflows/meeting_simulation/conversational.py:258 a track for each speaker, summed by `save_audio`;
#     base.py:160 and :205 turns are drawn and shuffled; a supervision keeps its text and the word times it came with;
#     cut/mixed.py:76 the SNR of the noise, over the whole energy of the first track; cut/set.py:1731 rooms, :1679 a
#     telephone's band
#   sdialog 0.5.3, audio/: synthesis.py:300 a channel for each speaker, :303 segments, result.py:35 starts of words;
#     timeline.py:87 an overlap lets both finish; synthesis.py:293 noise on each channel, or on one; :317 its SNR, over
#     the level of active speech (effects.py:94); effects.py:274 a telephone as a band and steps
LABELS = (
    ("", "turnmill", "eend_dataprep", "lhotse", "sdialog"),
    ("channels of the audio", "2", "1", "1", "2"),
    ("turns in the order of the text", "yes", "shuffled", "shuffled", "yes"),
    ("who speaks when", "yes", "yes", "yes", "yes"),
    ("text of a turn", "yes", "-", "yes", "yes"),
    ("word times", "start, end", "-", "start, end", "start"),
    ("overlap of turns, both finishing", "yes", "yes", "yes", "yes"),
    ("a turn that is cut off, and where", "yes", "-", "-", "-"),
    ("text heard, text planned", "yes", "-", "-", "-"),
    ("kinds of labelled events", "14", "-", "-", "-"),
    ("reaction time to a barge-in", "yes", "-", "-", "-"),
    ("echo of the other channel", "gain, delay", "-", "-", "-"),
    ("SNR", "over words", "-", "over all", "over speech"),
    ("one channel without the noise", "yes", "-", "-", "if asked"),
    ("rooms", "yes", "yes", "yes", "yes"),
    ("telephone", "codecs", "-", "band", "band, steps"),
    ("a check of labels against the audio", "verify", "-", "-", "-"),
)


def speak(folder: Path, count: int) -> None:
    """The turns of so many dialogues as 16-bit files, a file of white noise, and dialogues.json: of each dialogue its
    turns with speaker, text, file and words."""
    from turnmill.synth.speech import Line, Speech
    from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine

    texts = ROOT / "pipelines" / "recipes" / "quickstart" / "dialogues.jsonl"
    rows = list(map(json.loads, texts.read_text(encoding="utf-8").splitlines()))
    engine, users, dialogues = EspeakEngine(ESPEAK.voices), ESPEAK.users_of("train", "en"), []
    for number in range(count):
        row, user = rows[number % len(rows)], users[number % len(users)].name
        turns = []
        for index, message in enumerate(row["messages"]):
            voice = user if message["role"] == "user" else ESPEAK.assistants_of("en")[0].name
            said = engine.synthesize([Line("", message["content"], voice, "en", 0)])[0]
            assert isinstance(said, Speech)
            words = [[word.text, word.start, word.end] for word in said.words or ()]
            file = folder / f"{number:04d}-{index:02d}.wav"
            soundfile.write(file, said.pcm, RATE, subtype="PCM_16")
            turns.append({"speaker": message["role"], "text": message["content"], "file": str(file), "words": words})
        dialogues.append({"id": f"{number:04d}", "turns": turns})
    (folder / "dialogues.json").write_text(json.dumps(dialogues), encoding="utf-8")
    noise = np.random.default_rng(0).standard_normal(120 * RATE) * 0.05
    soundfile.write(folder / "noise.wav", noise, RATE, subtype="PCM_16")


@contextlib.contextmanager
def spending(result: dict[str, Any]) -> Iterator[None]:
    """Put the CPU seconds of what is done, children's included, into a result."""

    def spent() -> float:
        uses = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        return sum(use.ru_utime + use.ru_stime for use in uses)

    started = spent()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
    result["cpu_s"] = spent() - started


def written(folder: Path, result: dict[str, Any]) -> None:
    """Hours and form of the audio, and its bytes with those of what is beside it."""
    files = [path for path in folder.rglob("*") if path.suffix in (".wav", ".flac")]
    infos = [soundfile.info(path) for path in files]
    result["count"] = len(files)
    result["hours"] = sum(info.frames / info.samplerate for info in infos) / 3600
    result["channels"] = infos[0].channels
    result["form"] = f"{infos[0].channels} x {infos[0].samplerate} Hz {infos[0].format} {infos[0].subtype}"
    result["mib"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def scripts(lines: Path, own: Path, every_event: bool) -> list[tuple[Any, dict[str, tuple[str, Any]]]]:
    """The script of each dialogue, and the file and words of each of its lines: those given, and in `own` those that
    only ours have, for backchannels and the like."""
    from tests.synth.lines import engine_lines
    from turnmill.manifests.records import Licence, TextDialogue, TextTurn
    from turnmill.synth.script import Interaction, write_script
    from turnmill.synth.speech import Speech, Word
    from turnmill.synth.tts.engines.espeak import ESPEAK, EspeakEngine

    none = {"barge_in": 0, "balance": 0, "hesitation": 0, "silence_timeout": 0}
    none |= {"backchannels_per_minute": 0, "assistant_backchannels_per_minute": 0}
    interaction = Interaction.model_validate({} if every_event else none)
    engine, made = EspeakEngine(ESPEAK.voices), []
    for row in json.loads((lines / "dialogues.json").read_text("utf-8")):
        turns = tuple(TextTurn(turn["speaker"], turn["text"]) for turn in row["turns"])
        dialogue = TextDialogue(row["id"], turns, "en", "quickstart", Licence("CC0-1.0", True, True))
        script = write_script(dialogue, interaction, ESPEAK, "train", 0)
        given = {turn["text"]: turn for turn in row["turns"]}
        files = {
            line.id: (given[line.text]["file"], tuple(Word(*word) for word in given[line.text]["words"]))
            for line in script.lines
            if line.text in given
        }
        unspoken = [line for line in engine_lines(script) if line.id not in files]
        for line, said in zip(unspoken, engine.synthesize(unspoken), strict=True):
            if isinstance(said, Speech):
                file = own / f"own-{row['id']}-{len(files)}.wav"
                soundfile.write(file, said.pcm, RATE, subtype="PCM_16")
                files[line.id] = (str(file), said.words or ())
        made.append((script, files))
    return made


def turnmill(lines: Path, out: Path, every_event: bool = False, form: str = "flac") -> dict[str, Any]:
    """Measure the lines, plan, render, label, write: what `simulate` does. `every_event` has what the defaults draw;
    else there are turns alone, as the others have them."""
    from turnmill.manifests.records import Reject
    from turnmill.manifests.samples import DIALOGUE, to_json
    from turnmill.synth.acoustics import AcousticsParams, Pools, draw_acoustics
    from turnmill.synth.duplex.planning.planner import plan_timeline
    from turnmill.synth.duplex.rendering.labels import sample_json
    from turnmill.synth.duplex.rendering.material import spoken_material, with_sounds
    from turnmill.synth.duplex.rendering.render import render
    from turnmill.synth.duplex.timing import timing

    off = {key: {"probability": 0.0} for key in ("room", "echo", "gain", "clipping", "codec", "packet_loss")}
    noise = {"probability": 1.0, "snr_db": {"low": SNR_DB[0], "high": SNR_DB[1]}, "bursts": 0.0}
    acoustics = AcousticsParams.model_validate({**off, "noise": noise})
    prepared, result = scripts(lines, out.parent, every_event), dict[str, Any]()
    with spending(result):
        for script, files in prepared:
            speech = {name: (soundfile.read(file, dtype="float32")[0], words) for name, (file, words) in files.items()}
            taken, material = with_sounds(script, spoken_material(script, speech), Pools(), 0)
            timeline = plan_timeline(
                taken,
                material.lines,
                timing(),
                lambda n, name=script.id: draw_acoustics(acoustics, Pools(), 0, name, n),  # type: ignore[misc]
                0,
            )
            assert not isinstance(timeline, Reject)
            rendered = render(timeline, material.pcm, Pools())
            soundfile.write(out / f"{script.id}.{form}", rendered.channels.T, RATE, subtype="PCM_16")
            text = to_json(sample_json(taken, timeline, rendered.fitted, script.id), DIALOGUE).decode()
            (out / f"{script.id}.json").write_text(text, encoding="utf-8")
    return result


def eend_dataprep(lines: Path, out: Path) -> dict[str, Any]:
    """Its two programs with a recording for each party of each dialogue, and pauses as our preset `telephone` has."""
    folder, work = Path(os.environ[EEND]) / "v1", out.parent / "eend"
    (work / "conversations").mkdir(parents=True)
    recordings, segments = [], []
    for dialogue in json.loads((lines / "dialogues.json").read_text("utf-8")):
        for party in ("assistant", "user"):
            name, pcm, at = f"{dialogue['id']}-{party}", [], 0
            for turn in (turn for turn in dialogue["turns"] if turn["speaker"] == party):
                pcm.append(soundfile.read(turn["file"], dtype="float32")[0])
                segments.append(f"{name} {name} {at / RATE:.6f} {(at + len(pcm[-1])) / RATE:.6f}")
                at += len(pcm[-1])
            soundfile.write(work / f"{name}.wav", np.concatenate(pcm), RATE, subtype="PCM_16")
            recordings.append(f"{name} {work / name}.wav")
    rng = np.random.default_rng(0)
    for name, median, sigma in (
        ("same_spk_pause", 0.45, 0.6),
        ("diff_spk_pause", 0.29, 0.85),
        ("diff_spk_overlap", 0.207, 0.877),
    ):
        # As `uniq -c` writes it. Three in ten transfers overlap.
        values, counts = np.unique(rng.lognormal(np.log(median), sigma, 1000).round(2), return_counts=True)
        share = 30 if "overlap" in name else 70
        rows = [f"{share * count} {value:.2f}" for value, count in zip(values, counts, strict=True)]
        (work / f"{name}.txt").write_text("\n".join(rows) + "\n", encoding="ascii")
    (work / "segments").write_text("\n".join(segments) + "\n", encoding="ascii")
    (work / "wav.scp").write_text("\n".join(recordings) + "\n", encoding="ascii")
    (work / "noises.scp").write_text(f"noise {lines / 'noise.wav'}\n", encoding="ascii")
    sys.path.insert(0, str(folder))
    import kaldi_data  # type: ignore[import-not-found]  # noqa: F401
    import scipy.fftpack
    import scipy.io.wavfile  # noqa: F401

    result: dict[str, Any] = {}
    with spending(result):
        plan = f"--stats-dir {work} --seg-list-file {work}/segments --out-conv-dir {work}/conversations --num-spks 2"
        _program(folder / "conv_generator.py", f"{plan} --sampling-frequency {RATE}")
        made = sorted(path.stem for path in (work / "conversations").glob("*.conv"))
        (work / "list").write_text("\n".join(made) + "\n", encoding="ascii")
        _program(
            folder / "conv2wav.py",
            f"--conversations-list-filename {work}/list --input-wav-scp {work}/wav.scp --in-conv-dir "
            f"{work}/conversations --out-wav-dir {out} --rirs-wav-scp {work}/noises.scp --use-noises --noises-wav-scp "
            f"{work}/noises.scp --noises-snrs 10:15:20 --sampling-frequency {RATE}",
        )
    return result


def _program(path: Path, arguments: str) -> None:
    sys.argv = [str(path), *arguments.split()]
    runpy.run_path(str(path), run_name="__main__")


def lhotse(lines: Path, out: Path) -> dict[str, Any]:
    """Each line a cut with its text and words; two parties in each meeting, one channel, as `save_audio` mixes it."""
    from lhotse import CutSet, MonoCut, Recording, SupervisionSegment  # type: ignore[import-not-found]
    from lhotse.supervision import AlignmentItem  # type: ignore[import-not-found]
    from lhotse.workflows.meeting_simulation import ConversationalMeetingSimulator  # type: ignore[import-not-found]

    dialogues = json.loads((lines / "dialogues.json").read_text("utf-8"))
    noise = Recording.from_file(lines / "noise.wav")
    result: dict[str, Any] = {}
    with spending(result):
        cuts = []
        for dialogue in dialogues:
            for turn in dialogue["turns"]:
                recording = Recording.from_file(turn["file"])
                words = [AlignmentItem(w["word"], w["start"], round(w["end"] - w["start"], 6)) for w in turn["words"]]
                segment = SupervisionSegment(
                    id=recording.id,
                    recording_id=recording.id,
                    start=0,
                    duration=recording.duration,
                    text=turn["text"],
                    speaker=f"{dialogue['id']}-{turn['speaker']}",
                    alignment={"word": words},
                )
                whole = {"start": 0, "duration": recording.duration, "channel": 0}
                cuts.append(MonoCut(id=recording.id, recording=recording, supervisions=[segment], **whole))
        simulator = ConversationalMeetingSimulator(0.45, 0.4, 0.3, 0.3)
        meetings = simulator.simulate(
            CutSet.from_cuts(cuts),
            num_meetings=len(dialogues),
            num_speakers_per_meeting=2,
            max_duration_per_speaker=120,
            max_utterances_per_speaker=max(len(dialogue["turns"]) for dialogue in dialogues),
        )
        beside = CutSet.from_cuts([MonoCut(id="noise", recording=noise, start=0, duration=noise.duration, channel=0)])
        meetings = meetings.mix(beside, snr=SNR_DB).to_eager()
        for number, cut in enumerate(meetings):
            cut.save_audio(out / f"{number:04d}.flac")
        meetings.to_file(out / "cuts.jsonl")
    return result


def sdialog(lines: Path, out: Path) -> dict[str, Any]:
    """Two channels at our rate, noise, overlaps as its preset "conversational" has them."""
    from sdialog import Dialog, Turn  # type: ignore[import-not-found]
    from sdialog.audio import to_audio  # type: ignore[import-not-found]
    from sdialog.audio.tts.dialog_tts import BaseDialogTTS, TurnAudio  # type: ignore[import-not-found]

    class Ready(BaseDialogTTS):  # type: ignore[misc]
        """Lines that are spoken already."""

        def __init__(self, turns: list[dict[str, Any]]) -> None:
            self.turns = turns

        def synthesize(self, turns: Any, voices: Any, seed: Any = None) -> list[Any]:  # noqa: ARG002
            return [
                TurnAudio(
                    soundfile.read(turn["file"], dtype="float32")[0],
                    RATE,
                    index,
                    words=[(word["word"], word["start"]) for word in turn["words"]],
                )
                for index, turn in enumerate(self.turns)
            ]

    dialogues = json.loads((lines / "dialogues.json").read_text("utf-8"))
    result: dict[str, Any] = {}
    with spending(result):
        for dialogue in dialogues:
            turns = [Turn(speaker=turn["speaker"], text=turn["text"]) for turn in dialogue["turns"]]
            to_audio(
                Dialog(id=dialogue["id"], turns=turns),
                path=str(out / f"{dialogue['id']}.flac"),
                preset="conversational",
                voices={"assistant": "a", "user": "b"},
                tts=Ready(dialogue["turns"]),
                noise={"type": "white", "snr": SNR_DB},
                stereo=True,
                sample_rate=RATE,
                seed=0,
            )
    return result


CONTESTANTS: Mapping[str, Callable[[Path, Path], dict[str, Any]]] = {
    "turnmill, turns alone": lambda lines, out: turnmill(lines, out),
    "turnmill, as WAV": lambda lines, out: turnmill(lines, out, form="wav"),
    "turnmill, every event": lambda lines, out: turnmill(lines, out, True),
    "eend_dataprep": eend_dataprep,
    "lhotse": lhotse,
    "sdialog": sdialog,
}


def missing(name: str) -> str | None:
    """Why a contestant cannot run here."""
    if name.startswith("turnmill"):
        return None
    if name == "eend_dataprep":
        if not os.environ.get(EEND):
            return f"{EEND} names no work tree of it"
        return None if shutil.which("sox") else "it pipes its noise through sox, which is not installed"
    python = os.environ.get(PYTHON)
    if not python:
        return f"{PYTHON} names no python that has it"
    tried = subprocess.run(
        [python, "-c", f"import {name}"], env={**os.environ, **ALONE}, capture_output=True, text=True
    )
    return None if tried.returncode == 0 else f"{PYTHON} cannot import it: {tried.stderr.strip().splitlines()[-1]}"


def run(name: str, lines: Path) -> dict[str, Any]:
    """One contestant in a process of its own."""
    python = sys.executable if name.startswith(("turnmill", "eend")) else os.environ[PYTHON]
    with tempfile.TemporaryDirectory(dir=lines.parent) as folder:
        out = Path(folder) / "out"
        out.mkdir()
        command = [python, __file__, "--contestant", name, str(lines), str(out)]
        ended = subprocess.run(command, env={**os.environ, **ALONE}, capture_output=True, text=True)
        if ended.returncode != 0:
            raise SystemExit(f"{name} failed:\n{ended.stderr[-2000:]}")
        return json.loads(ended.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _median(found: Sequence[Mapping[str, Any]], what: str) -> float:
    """Of all rounds, per hour of conversation."""
    return float(statistics.median(result[what] / result["hours"] for result in found))


def contestant(name: str, lines: Path, out: Path) -> None:
    result = CONTESTANTS[name](lines, out)
    written(out, result)
    print(json.dumps(result))


def main() -> int:
    if sys.argv[1:2] == ["--contestant"]:
        contestant(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return 0
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    reasons = {name: missing(name) for name in CONTESTANTS}
    results: dict[str, list[dict[str, Any]]] = {name: [] for name, reason in reasons.items() if reason is None}
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines"
        lines.mkdir()
        speak(lines, count)
        for _ in range(rounds):
            for name, found in results.items():
                found.append(run(name, lines))
    print(f"{count} dialogues, {rounds} rounds in turn, white noise; medians of seconds of CPU per hour")
    print(f"  {'':22} {'conversation':>12} {'ratio':>6} {'a channel':>10}  what the last round wrote")
    ours = _median(results["turnmill, turns alone"], "cpu_s")
    for name, found in results.items():
        seconds, last = _median(found, "cpu_s"), found[-1]
        wrote = f"{last['count']} files, {60 * last['hours']:.1f} min of {last['form']}"
        row = f"{seconds:12.1f} {seconds / ours:6.2f} {seconds / last['channels']:10.1f}"
        print(f"  {name:22} {row}  {wrote}, {_median(found, 'mib'):.0f} MiB/h")
    for name, reason in reasons.items():
        if reason is not None:
            print(f"  {name:22} not run: {reason}")
    for label, *cells in LABELS:
        print(f"  {label:36}" + "".join(f"{cell:>15}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
