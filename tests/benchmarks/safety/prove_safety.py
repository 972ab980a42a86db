"""How many unsafe texts are found, and how many of those found are unsafe, by category and language.

    python tests/benchmarks/safety/prove_safety.py [FILE...]

`judge.tsv` has 300 texts (150 English, 150 Chinese; half of them unsafe) whose author had seen neither the lexicon nor
a seed. Its author then wrote the seeds too: `stranger.tsv` has 146 by another, who saw neither then nor later; but its
figures have since been read by those who wrote seeds. Harder are the public sets: `public.py` says which. Where the
fresh ones are named, 200 texts drawn from them by a fixed seed are judged first; then each file named.

Prints precision and recall of the lexicon, of the classifier and of both; of the classifier's categories, how many
texts are told to be of one, how many of those are unsafe, and how many of that category; and the texts of the two kept
files that both get wrong. Exit status 1 where precision or recall of both on one of these is below .9 in a language.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from public import Public, Text, fresh_judge, read
from seeds import made

from turnmill.manifests.records import Licence, Reject, TextDialogue, TextTurn
from turnmill.synth.safety import Safety, SafetyParams
from turnmill.synth.safety.params import CATEGORIES
from turnmill.synth.text_filters import unsafe_topic

HERE: Final = Path(__file__).parent
KEPT: Final = (HERE / "judge.tsv", HERE / "stranger.tsv")
BAR: Final = 0.9
Found = Sequence[str | None]


def by_lexicon(text: Text) -> str | None:
    found = unsafe_topic(text.text, None)
    return found.seen if found.value else None


def by_classifier(text: Text) -> str | None:
    turns = (TextTurn("user", text.text),)
    judged = CLASSIFIER.judge(TextDialogue("d", turns, text.language, "t", Licence("CC0-1.0", True, True)))
    return judged.detail if isinstance(judged, Reject) else None


def measured(texts: Sequence[Text], found: Found) -> tuple[float, float]:
    """Recall and precision of being found at all; 1 where there is nothing to find."""
    unsafe = [text.category != "safe" for text in texts]
    hits = sum(1 for is_unsafe, hit in zip(unsafe, found, strict=True) if is_unsafe and hit)
    return hits / (sum(unsafe) or 1), hits / (sum(1 for hit in found if hit) or 1)


def table(name: str, texts: Sequence[Text], judges: Mapping[str, Found]) -> Iterator[str]:
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
        yield from told(chosen, [judges["classifier"][n] for n in of])


def told(texts: Sequence[Text], found: Found) -> Iterator[str]:
    """Of each category how right the classifier is that names it."""
    for category in CATEGORIES:
        named = [t.category for t, hit in zip(texts, found, strict=True) if hit and re.search(rf"is {category}:", hit)]
        if named:
            unsafe = len(named) - named.count("safe")
            yield f"    told {category:35} {len(named):4} texts, {unsafe} unsafe, {named.count(category)} of it"


def judged(name: str, texts: Sequence[Text]) -> tuple[list[Text], Found]:
    """Prints the table of texts that no seed can become; gives those, and what of both is found of each."""
    seen = made(text.text for text in texts)
    kept = [text for text in texts if text.text not in seen]
    if seen:
        print(f"\n{name}: left out, for a seed can become them: {', '.join(sorted(seen))}")
    judges: dict[str, Found] = {
        "lexicon": [by_lexicon(text) for text in kept],
        "classifier": [by_classifier(text) for text in kept],
    }
    judges["both"] = [one or other for one, other in zip(*judges.values(), strict=True)]
    print(*table(name, kept, judges), sep="\n")
    return kept, judges["both"]


def below(texts: Sequence[Text], found: Found) -> bool:
    """Whether recall or precision is below the bar in a language; prints what is wrong."""
    for text, hit in zip(texts, found, strict=True):
        if (text.category != "safe") != bool(hit):
            print(f"  wrong: {text.language} {text.category}: {text.text}  ({hit or 'not found'})")
    languages = {text.language for text in texts}
    places = ([n for n, text in enumerate(texts) if text.language == language] for language in languages)
    return any(min(measured([texts[n] for n in of], [found[n] for n in of])) < BAR for of in places)


def main() -> int:
    sets: list[Public] = [read(Path(name)) for name in sys.argv[1:]]
    if drawn := fresh_judge(sets):
        judged("drawn from the fresh sets", drawn)
    for each in sets:
        judged(each.name, each.texts)
    failed = [below(*judged(file.name, read(file).texts)) for file in KEPT]
    return int(any(failed))


CLASSIFIER = Safety(SafetyParams(classifier=True))

if __name__ == "__main__":
    sys.exit(main())
