"""How many unsafe texts are found, and how many of those found are unsafe, by category and language.

    python tests/benchmarks/safety/prove_safety.py [FILE...]

`judge.tsv` has 300 texts (150 English, 150 Chinese; half of them unsafe) whose author had seen neither the lexicon nor
a seed. Its author then wrote the seeds too: `stranger.tsv` has 146 by another, who saw neither then nor later. Harder
are the public sets. They are not kept here; get them and name the files, which are told by their columns:

  XSTest              github.com/paul-rottger/exaggerated-safety    xstest_prompts.csv           CC-BY-4.0
  SimpleSafetyTests   github.com/bertiev/SimpleSafetyTests          SimpleSafetyTests - test cases.csv
  HarmBench           data/behavior_datasets/harmbench_behaviors_text_all.csv (standard, but for false news)
  StrongREJECT        strongreject_dataset.csv (but for disinformation)
  COLDataset          github.com/thu-coai/COLDataset                COLDataset/test.csv (its first 1,000)

Prints precision and recall of the lexicon, of the classifier and of both, and the texts of the first two that they get
wrong. Exit status 1 where precision or recall of both on one of these is below .9 in a language.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from seeds import made

from turnmill.manifests.records import Licence, Reject, TextDialogue, TextTurn
from turnmill.synth.safety import Safety, SafetyParams
from turnmill.synth.text_filters import unsafe_topic

HERE = Path(__file__).parent
BAR = 0.9
Row = Mapping[str, str]


class Text(NamedTuple):
    language: str
    category: str  # "safe", or whatever a set calls it
    text: str


def _xstest(row: Row) -> Text | None:
    return Text("en", "safe" if row["label"] == "safe" else row["type"], row["prompt"])


def _simple(row: Row) -> Text | None:
    return Text("en", row["harm_area"], row["prompts_final"])


def _harmbench(row: Row) -> Text | None:
    asked = row["FunctionalCategory"] == "standard" and not row["SemanticCategory"].startswith("misinformation")
    return Text("en", row["SemanticCategory"], row["Behavior"]) if asked else None


def _strongreject(row: Row) -> Text | None:
    asked = not row["category"].startswith("Disinformation")
    return Text("en", row["category"], row["forbidden_prompt"]) if asked else None


def _cold(row: Row) -> Text | None:
    return Text("zh", "hate" if row["label"] == "1" else "safe", row["TEXT"])


READERS: Mapping[str, Callable[[Row], Text | None]] = {
    "note": _xstest, "harm_area": _simple, "FunctionalCategory": _harmbench, "forbidden_prompt": _strongreject,
    "fine-grained-label": _cold,
}  # fmt: skip
"""A column that only one set has -> what a row of it is."""


def read(file: Path) -> list[Text]:
    with file.open(encoding="utf-8-sig", newline="") as rows:
        if file.suffix == ".tsv":
            return [Text(*row) for row in csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)]
        reader = csv.DictReader(rows)
        of = next(make for column, make in READERS.items() if column in (reader.fieldnames or ()))
        return [text for row in reader if (text := of(row)) is not None][:1000]


def by_lexicon(text: Text) -> str | None:
    found = unsafe_topic(text.text, None)
    return found.seen if found.value else None


def by_classifier(text: Text) -> str | None:
    turns = (TextTurn("user", text.text),)
    judged = CLASSIFIER.judge(TextDialogue("d", turns, text.language, "t", Licence("CC0-1.0", True, True)))
    return judged.detail if isinstance(judged, Reject) else None


def measured(texts: Sequence[Text], found: Sequence[str | None]) -> tuple[float, float]:
    """Recall and precision of being found at all; 1 where there is nothing to find."""
    unsafe = [text.category != "safe" for text in texts]
    hits = sum(1 for is_unsafe, hit in zip(unsafe, found, strict=True) if is_unsafe and hit)
    return hits / (sum(unsafe) or 1), hits / (sum(1 for hit in found if hit) or 1)


def table(name: str, texts: Sequence[Text], judges: Mapping[str, Sequence[str | None]]) -> Iterator[str]:
    for language in sorted({text.language for text in texts}):
        of = [n for n, text in enumerate(texts) if text.language == language]
        chosen = [texts[n] for n in of]
        safe = sum(text.category == "safe" for text in chosen)
        yield f"\n{name}, {language}: {len(chosen)} texts, {safe} of them safe"
        for judge, found in judges.items():
            here = [found[n] for n in of]
            recall, precision = measured(chosen, here)
            wrong = sum(1 for text, hit in zip(chosen, here, strict=True) if hit and text.category == "safe")
            shown = f"recall {recall:.2f}  precision {precision:.2f}  " if safe < len(chosen) else ""
            yield f"  {judge:10}  {shown}safe ones found {wrong} of {safe}"
        for category in sorted({text.category for text in chosen} - {"safe"}):
            group = [n for n in of if texts[n].category == category]
            shares = (f"{judge} {sum(1 for n in group if found[n])}" for judge, found in judges.items())
            yield f"    {category[:40]:40} {len(group):4} texts, found by {', '.join(shares)}"


def main() -> int:
    below = False
    for file in (HERE / "judge.tsv", HERE / "stranger.tsv", *map(Path, sys.argv[1:])):
        texts = read(file)
        seen = made(text.text for text in texts)
        texts = [text for text in texts if text.text not in seen]
        if seen:
            print(f"\n{file.name}: left out, for a seed can become them: {', '.join(sorted(seen))}")
        judges = {
            "lexicon": [by_lexicon(text) for text in texts],
            "classifier": [by_classifier(text) for text in texts],
        }
        judges["both"] = [one or other for one, other in zip(*judges.values(), strict=True)]
        print(*table(file.name, texts, judges), sep="\n")
        if file.parent == HERE:
            for language in ("en", "zh"):
                of = [n for n, text in enumerate(texts) if text.language == language]
                below |= min(measured([texts[n] for n in of], [judges["both"][n] for n in of])) < BAR
            for text, found in zip(texts, judges["both"], strict=True):
                if (text.category != "safe") != bool(found):
                    print(f"  wrong: {text.language} {text.category}: {text.text}  ({found or 'not found'})")
    return int(below)


CLASSIFIER = Safety(SafetyParams(classifier=True))

if __name__ == "__main__":
    sys.exit(main())
