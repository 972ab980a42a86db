"""The command line: what each command prints, and its exit status."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.conftest import tree_hashes
from tests.pipelines.conftest import Small
from tests.synth.tts.cosyvoice_fake import write_checkout
from tests.whisper import require
from turnmill.pipelines.cli import main
from turnmill.pipelines.dataset import open_dataset
from turnmill.pipelines.doctor import examine
from turnmill.pipelines.offers import next_commands
from turnmill.pipelines.stopping import SENTENCE
from turnmill.sources.catalogue import load


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Exit status of `turnmill WORDS`."""
    monkeypatch.setattr(sys, "argv", ["turnmill", *words])
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_query_prints_a_table_csv_and_json(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT count(*) AS n FROM clips"
    assert call(monkeypatch, "query", str(small.out), sql, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 7}]
    assert call(monkeypatch, "query", str(small.out), sql, "--format", "csv") == 0
    assert capsys.readouterr().out == "n\n7\n"
    assert call(monkeypatch, "query", str(small.out), sql) == 0
    assert "7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["query", "OUT", "SELECT * FROM nothing"], "nothing"),
        (["query", "OUT", "DROP VIEW clips"], "a query can only read"),
        (["query", "OUT", "COPY clips TO 'x.csv'"], "a query can only read"),
        (["query", "EMPTY", "SELECT 1"], "is not an output folder of Turnmill"),
        (["status", "EMPTY"], "is not an output folder of Turnmill"),
        (["verify", "EMPTY"], "is not an output folder of Turnmill"),
        (["card", "EMPTY"], "is not an output folder of Turnmill"),
        (["publish", "EMPTY", "--repo", "a/b", "--dry-run"], "is not an output folder of Turnmill"),
        (["publish", "OUT", "--repo", "no spaces/please", "--dry-run"], "is no name of a Hub dataset"),
        (["sources", "librispeach"], "librispeech"),
        (["sources", "check", "librispeach", "--root", "."], "librispeech"),
        (["sources", "check", "librispeech", "--root", "EMPTY"], "holds no table"),
        (["sources", "check", "./no-such.yaml", "--root", "."], "there is no such catalogue entry"),
        (["run", "nothing.yaml"], "there is no such recipe"),
        (["run", "speach"], "no recipe is called 'speach': did you mean speech"),
        (["init", "speach"], "no recipe is called 'speach': did you mean speech"),
        (["sources", "check", "./files", "--root", "."], "that of the catalogue is `files`, without folder and ending"),
        *(
            (words, "an empty name of a folder or file")
            for words in (
                ["sources", "check", "files", "--root", ""],
                ["run", "RECIPE", "--out", ""],
                ["init", "speech", ""],
                ["status", ""],
                ["publish", "OUT", "--to", ""],
                ["fit", ""],
            )
        ),
        (["keys", "script.interactions"], "did you mean `turnmill keys script.interaction`"),
        (["status", "s3://bucket/out"], "s3://bucket/out needs the package s3fs: pip install s3fs"),
        (["run", "RECIPE", "--out", "s3://bucket/out"], "s3://bucket/out needs the package s3fs: pip install s3fs"),
        (["run", "RECIPE", "--address", "ray://head:10001", "--dry-run"], "ray job submit"),
    ],
)
def test_bad_usage_is_one_sentence_and_status_2(
    small: Small,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sentence: str,
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)  # what an absent module looks like to the import system
    recipe = str(small.corpus.parent / "small.yaml")
    places = {"OUT": str(small.out), "EMPTY": str(tmp_path), "RECIPE": recipe}
    assert call(monkeypatch, *(places.get(word, word) for word in words)) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.startswith("turnmill: ")
    assert "Traceback" not in said


def test_a_query_that_runs_for_ever_ends_with_a_signal(small: Small) -> None:
    sql = "SELECT max(md5(a.range::VARCHAR)) FROM range(1_000_000_000_000) a"
    command = [sys.executable, "-m", "turnmill.pipelines.cli", "query", str(small.out), sql]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(5)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert (process.returncode, said) == (143, f"{SENTENCE}\n")


def test_a_name_is_shown_and_not_obeyed_by_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "status", str(tmp_path / "\x1b[2Jout")) == 2
    assert call(monkeypatch, "fit", str(tmp_path / "\x1b[2J.wav")) == 2
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert said.count(r"\u001b[2J") == 3


def test_csv_and_json_are_shown_on_a_terminal_and_keep_their_bytes_elsewhere(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT chr(27) || chr(155) AS x"
    for format, whole, shown in (
        ("csv", "x\n\x1b\x9b\n", "x\n\\u001b\\u009b\n"),
        ("json", '[\n{"x": "\\u001b\x9b"}\n]\n', '[\n{"x": "\\u001b\\u009b"}\n]\n'),
    ):
        assert call(monkeypatch, "query", str(small.out), sql, "--format", format) == 0
        assert capsys.readouterr().out == whole
        with monkeypatch.context() as patched:
            patched.setattr(sys.stdout, "isatty", lambda: True)
            assert call(patched, "query", str(small.out), sql, "--format", format) == 0
        assert capsys.readouterr().out == shown


def test_next_asks_what_was_removed_after_a_run_of_speech() -> None:
    commands = dict(next_commands("out/x", {"speech": 3}))
    assert "SELECT removed_by, count(*) AS n FROM clips_all GROUP BY removed_by" in commands["query"]
    assert "yours" not in commands
    both = dict(next_commands("out/x", {"speech": 3, "dialogue": 1}, ["tiny.en"]))
    assert "FROM events" in both["query"]
    assert both["listen"] == "open out/x/listen.html in a browser"


def test_next_offers_the_users_own_recordings_to_the_model_that_heard_the_demo(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command as it is printed, dry."""
    require("tiny.en")
    offered = dict(next_commands("out/x", {"speech": 3}, ["tiny.en"]))["yours"]
    words = shlex.split(offered.replace("YOUR/RECORDINGS", shlex.quote(str(small.corpus))))
    assert call(monkeypatch, *words[1:], "--out", str(tmp_path / "out"), "--dry-run") == 0
    assert "transcribe" in capsys.readouterr().out


def test_the_catalogue_is_listed_shown_and_checked(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TURNMILL_CATALOG", str(tmp_path))
    entry = {**yaml.safe_load(load("files").model_dump_json()), "name": "calls", "title": "[/] of mine"}
    (tmp_path / "calls.yaml").write_text(yaml.safe_dump(entry), "utf-8")
    assert call(monkeypatch, "sources") == 0
    assert f"calls is yours: {tmp_path}/calls.yaml" in capsys.readouterr().out
    assert call(monkeypatch, "sources", "calls") == 0
    shown = capsys.readouterr().out
    assert "[/] of mine" in shown
    assert "turnmill sources check calls --root FOLDER" in shown
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, "sources", "./calls.yaml") == 0  # which nothing finds by its name alone
    assert "--set corpus=./calls.yaml --set" in capsys.readouterr().out
    assert call(monkeypatch, "sources", "check", "calls", "--root", str(small.corpus)) == 1
    said = capsys.readouterr().out
    assert "audio without a row or transcript" in said
    (tmp_path / "corpus").mkdir()
    shutil.copy(small.corpus / "plain.wav", tmp_path / "corpus")
    words = ("sources", "check", "calls", "--root", str(tmp_path / "corpus"))
    assert call(monkeypatch, *words) == 1
    assert call(monkeypatch, *words, "--keep-untranscribed") == 0
    assert "calls: 1 clip, 0 rejected" in capsys.readouterr().out


def test_one_clip_is_singular_in_every_line(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shutil.copy(small.corpus / "plain.wav", corpus)
    shutil.copy(small.corpus / "empty.mp3", corpus)
    out = tmp_path / "out"
    recipe = tmp_path / "one.yaml"
    recipe.write_text("name: one\ncorpus: files\nroot: corpus\ningest: {keep_untranscribed: true}\nquality: {}\n")
    assert call(monkeypatch, "run", str(recipe), "--out", str(out)) == 0
    for command in (["status"], ["verify"], ["query", "FROM clips"], ["publish", "--repo", "me/data", "--dry-run"]):
        assert call(monkeypatch, command[0], str(out), *command[1:]) in (0, 1)  # 1: publishing is refused
    said = capsys.readouterr()
    assert "1 clip of speech" in said.out
    assert not re.findall(r"\b1 \w+s\b", said.out + said.err)


def test_status_tells_each_stage(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "status", str(small.out)) == 0
    said = capsys.readouterr().out
    for stage in ("ingest", "quality", "script", "speak", "simulate", "verify", "shard"):
        assert stage in said


def test_verify_passes_and_writes_a_listening_page(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(small.out, out)
    assert call(monkeypatch, "verify", str(out), "--listen", "2") == 0
    assert "0 violations" in capsys.readouterr().out
    page = (out / "listen.html").read_text("utf-8")
    assert page.count("<audio") == 2
    assert 'src="http' not in page  # nothing is loaded from elsewhere


def test_verify_fails_when_a_shard_is_not_true_to_its_labels(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(small.out, out)
    for shard in out.glob("shards/*/dialogue-*.tar"):
        data = shard.read_bytes()
        # A label, changed in place: the first turn's words are said to be the user's on channel 0.
        shard.write_bytes(data.replace(b'"speaker":"user","channel":1', b'"speaker":"user","channel":0', 1))
    assert call(monkeypatch, "verify", str(out)) == 1
    assert "violation" in capsys.readouterr().out


def test_publish_dry_run_lists_what_would_go(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(small.out, out)
    assert call(monkeypatch, "publish", str(out), "--repo", "me/data", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "README.md" in said
    assert "dialogue" in said
    assert "dry run: it was checked, and nothing was sent" in said


def test_export_writes_formats_and_refuses_an_unknown_one(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("export", str(small.out), "--to", str(tmp_path / "to"), "--where", "licence_redistribute")
    assert call(monkeypatch, *asked, "--format", "mosi") == 2
    assert "--format mosi is no format of Turnmill's: did you mean moshi?" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()
    assert call(monkeypatch, *asked, "--format", "moshi,lhotse") == 0
    said = capsys.readouterr().out
    assert re.search(r"^moshi: \d+ dialogues, ", said, re.MULTILINE)
    assert re.search(r"^lhotse: \d+ dialogues, ", said, re.MULTILINE)
    assert list((tmp_path / "to/moshi/data_stereo").glob("*.flac"))


def test_card_is_written_anew_and_the_same(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "copy"
    shutil.copytree(small.out, out)
    before = (out / "README.md").read_bytes()
    (out / "README.md").unlink()
    assert call(monkeypatch, "card", str(out)) == 0
    assert (out / "README.md").read_bytes() == before


def test_the_card_leaves_no_picture_of_an_earlier_one(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(small.out, out)
    before = tree_hashes(out)
    for name in ("plots/old.png", "listen/old.flac"):
        (out / name).write_bytes(b"old")
    assert call(monkeypatch, "card", str(out)) == 0
    assert tree_hashes(out) == before


def test_recipes_by_name_are_listed_and_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, "recipes") == 0
    assert re.search(r"^speech +A speech corpus", capsys.readouterr().out, re.MULTILINE)
    assert call(monkeypatch, "init", "dialogues") == 0
    said = capsys.readouterr().out
    assert "wrote dialogues.yaml" in said
    assert call(monkeypatch, *shlex.split(said.rpartition("turnmill ")[2]), "--dry-run") == 0
    assert "80" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["run", "-h"], ["init", "-h"], ["keys", "--help"]])
def test_help_is_short_and_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert call(monkeypatch, *words) == 0
    assert "Usage: " in capsys.readouterr().out


def test_version_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"turnmill {version('turnmill')}\n"


def test_completion_of_a_shell_is_shown() -> None:
    completing = {"_TURNMILL_COMPLETE": "complete_bash", "COMP_WORDS": "turnmill re", "COMP_CWORD": "1"}
    command = [
        sys.executable,
        "-c",
        "import sys; sys.argv[0] = 'turnmill'; from turnmill.pipelines.cli import main; main()",
    ]
    done = subprocess.run(command, env={**os.environ, **completing}, capture_output=True, text=True, check=True)
    assert "recipes" in done.stdout


def test_sources_and_one_source(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "sources") == 0
    assert "librispeech" in capsys.readouterr().out
    assert call(monkeypatch, "sources", "librispeech") == 0
    said = capsys.readouterr().out
    assert "CC-BY-4.0" in said
    assert "openslr.org/12" in said


def test_doctor_says_what_runs_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "doctor") == 0
    said = capsys.readouterr().out
    for engine in ("silero-vad", "ffmpeg", "espeak", "cosyvoice", "pyannote.audio"):
        assert engine in said


def test_doctor_offers_what_a_checkout_lacks_and_a_clone_only_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = write_checkout(tmp_path / "CosyVoice")
    monkeypatch.setenv("COSYVOICE_REPO", str(checkout))
    monkeypatch.setitem(sys.modules, "torch", None)  # what an absent module looks like to the import system
    (found,) = (finding for finding in examine() if finding.engine == "cosyvoice")
    assert (found.detail, found.fix) == ("CosyVoice needs torch", "pip install -r CosyVoice/requirements.txt")
    (checkout / "third_party" / "Matcha-TTS" / "matcha").rename(tmp_path / "matcha")
    (found,) = (finding for finding in examine() if finding.engine == "cosyvoice")
    assert found.detail.endswith("lacks third_party/Matcha-TTS")
    assert found.fix.startswith("git submodule update --init --recursive")
    monkeypatch.setenv("COSYVOICE_REPO", str(tmp_path / "elsewhere"))
    (found,) = (finding for finding in examine() if finding.engine == "cosyvoice")
    assert found.fix.startswith("git clone --recursive https://github.com/FunAudioLLM/CosyVoice && ")


def test_dry_run_prints_the_plan_and_writes_nothing(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = str(small.corpus.parent / "small.yaml")
    out = tmp_path / "out"
    words = ["run", recipe, "--set", f"root={small.corpus}", "--out", str(out), "--dry-run"]
    assert call(monkeypatch, *words) == 0
    said = capsys.readouterr().out
    for word in ("ingest", "quality", "simulate", "speech_ratio > 0.3"):
        assert word in said
    assert not out.exists()


def test_too_many_rejects_end_with_status_1(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", str(small.corpus.parent / "small.yaml"), "--set", f"root={small.corpus}"]
    assert call(monkeypatch, *words, "--out", str(small.out), "--max-reject-ratio", "0") == 1
    assert "more than --max-reject-ratio 0" in capsys.readouterr().err


def test_the_catalogue_is_filtered_and_a_table_of_every_query(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "sources", "--kind", "speech", "--language", "en", "--licence", "commercial") == 0
    said = capsys.readouterr().out
    assert "librispeech" in said
    assert "dialogue_text" not in said
    assert call(monkeypatch, "sources", "--kind", "spech") == 2
    assert "--kind spech is unknown" in capsys.readouterr().err
    sql = "SELECT hours FROM catalogue WHERE name = 'librispeech' AND commercial"
    assert call(monkeypatch, "query", str(small.out), sql, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [{"hours": 960}]
    assert open_dataset(str(small.out)).sql(sql).to_pylist() == [{"hours": 960.0}]
