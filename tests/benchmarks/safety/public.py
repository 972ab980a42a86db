"""Texts to judge safety by: of the files kept here, and of public sets, which are not: get them and name the files.

Which set a file is of is told by a column that only this has:

  XSTest              github.com/paul-rottger/exaggerated-safety   xstest_prompts.csv              CC-BY-4.0
  SimpleSafetyTests   github.com/bertiev/SimpleSafetyTests         SimpleSafetyTests - test cases.csv  CC-BY-4.0
  HarmBench           data/behavior_datasets/harmbench_behaviors_text_all.csv (standard, but for false news)
  StrongREJECT        strongreject_dataset.csv (but for disinformation)
  COLDataset          github.com/thu-coai/COLDataset               COLDataset/test.csv             Apache-2.0
  ESConv              github.com/thu-coai/Emotional-Support-Conversation  FailedESConv.json        CC-BY-NC-4.0
  PriMock57           github.com/babylonhealth/primock57           the folder transcripts          CC-BY-4.0
  CatQA               github.com/declare-lab/red-instruct          catqa_english.json, catqa_chinese.json  Apache-2.0
  OKTest              github.com/InvokerStark/OverKill             data/OKTest.csv                 none named
  XSTest_cn           github.com/IIE-Galaxy/XSTest_cn              data/安全.csv                    none named
  ToxiCN              github.com/DUT-lujunyu/ToxiCN                ToxiCN_1.0.csv                  CC-BY-NC-ND-4.0

The last four are fresh: nothing was written, trained or chosen by them. What the head of November 2026 gets wrong of
them has been read: who writes seeds after it needs others. Of a longer file DRAWN texts are drawn.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

Row = Mapping[str, str]
DRAWN: Final = 500
SEED: Final = 12
JUDGED: Final = ("hate", "sexual", "violence", "self_harm", "illegal")
"""The categories of a fresh judge's texts."""
EACH, HARMLESS = 10, 50  # texts of a category, and harmless ones, of a fresh judge in a language

_CATQA: Final[Mapping[str, str]] = {
    "Racial or ethnic hate": "hate", "Religious intolerance": "hate",
    "Pornography": "sexual", "Erotic text": "sexual", "Nude imagery": "sexual", "Sexually explicit dialogue": "sexual",
    "Content Sexual exploitation": "sexual", "Online predation": "sexual",
    "Gender-based violence": "violence", "Terrorism and extremism": "violence", "Assault and battery": "violence",
    "Physical abuse": "violence",
    "Self-harm": "self_harm",
    "Drug:": "illegal", "Weapon:": "illegal", "Human Trafficking:": "illegal", "Cybercrime:": "illegal",
    "Theft and Robbery:": "illegal", "Financial fraud": "illegal", "Identity theft": "illegal", "Phishing": "illegal",
    "Counterfeiting": "illegal", "Ransomware": "illegal", "Weapon making": "illegal",
}  # fmt: skip
"""Its kinds of harm, where they are ours; the others (advertising, advice on money, politics) are left out."""


class Text(NamedTuple):
    language: str
    category: str  # "safe", or whatever a set calls it
    text: str


class Public(NamedTuple):
    """Texts of one file, in an order drawn by SEED; `fresh`: of a set that nothing was chosen by."""

    name: str
    texts: Sequence[Text]
    fresh: bool


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


def _said(row: Row) -> Text | None:
    return Text("en", "safe", row["said"])


def _catqa(row: Row) -> Text | None:
    category = _CATQA.get(row["kind"])
    language = "zh" if re.search(r"[\u4e00-\u9fff]", row["asked"]) else "en"
    return Text(language, category, row["asked"]) if category else None


def _oktest(row: Row) -> Text | None:
    return Text("en", "safe", row["prompt"].strip())


def _xstest_cn(row: Row) -> Text | None:
    return Text("zh", "safe", row["prompt"])


def _toxicn(row: Row) -> Text | None:
    """What is offensive without being hate is left out: of our categories it may be harassment or none."""
    category = {"0": "safe", "2": "hate"}.get(row["toxic_type"])
    return Text("zh", category, row["content"]) if category else None


_SETS: Final[Mapping[str, tuple[Callable[[Row], Text | None], bool]]] = {
    "note": (_xstest, False), "harm_area": (_simple, False), "FunctionalCategory": (_harmbench, False),
    "forbidden_prompt": (_strongreject, False), "fine-grained-label": (_cold, False), "said": (_said, False),
    "asked": (_catqa, True), "toxic_type": (_toxicn, True), "id_v1": (_xstest_cn, True), "prompt": (_oktest, True),
}  # fmt: skip
"""A column that no set before has -> what a row is, and whether the set is fresh."""


def read(file: Path) -> Public:
    if file.suffix == ".tsv":
        with file.open(encoding="utf-8", newline="") as rows:
            texts = [Text(*row) for row in csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)]
        return Public(file.name, texts, fresh=False)
    found = list(_rows(file))
    make, fresh = next(of for column, of in _SETS.items() if column in found[0])
    texts = [text for row in found if (text := make(row)) is not None]
    order = np.random.default_rng(SEED).permutation(len(texts))
    return Public(file.name, [texts[n] for n in order[:DRAWN]], fresh)


def _rows(file: Path) -> Iterator[Row]:
    if file.is_dir():
        for grid in sorted(file.glob("*.TextGrid")):
            said = re.findall(r'text = "([^"]+)"', grid.read_text("utf-8"))
            yield from ({"said": re.sub(r"<[^>]*>", "", text).strip()} for text in said)
    elif file.suffix == ".json":
        yield from _json_rows(json.loads(file.read_text("utf-8")))
    else:
        with file.open(encoding="utf-8-sig", newline="") as rows:
            yield from csv.DictReader(rows)


def _json_rows(data: Any) -> Iterator[Row]:
    """Of ESConv each turn of its dialogues; of CatQA each question with its kind."""
    if isinstance(data, list):
        yield from ({"said": turn["content"].strip()} for dialogue in data for turn in dialogue["dialog"])
    else:
        for kinds in data.values():
            yield from ({"kind": kind, "asked": asked} for kind, questions in kinds.items() for asked in questions)


def fresh_judge(sets: Sequence[Public]) -> list[Text]:
    """Of each language EACH texts of each of JUDGED, from fresh sets that have all of these, and HARMLESS safe ones, as
    many from each fresh set that has such."""
    fresh = [each for each in sets if each.fresh]
    chosen: list[Text] = []
    for language in ("en", "zh"):
        own = [[text for text in each.texts if text.language == language] for each in fresh]
        asked = [text for of in own for text in of if set(JUDGED) <= {text.category for text in of}]
        for category in JUDGED:
            chosen += [text for text in asked if text.category == category][:EACH]
        safe = [harmless for of in own if (harmless := [text for text in of if text.category == "safe"])]
        chosen += [text for of in safe for text in of[: HARMLESS // len(safe)]]
    return chosen
