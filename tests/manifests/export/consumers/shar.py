"""Run in an environment with lhotse: what `CutSet.from_shar` makes of an export, as JSON.

python shar.py EXPORT/lhotse/train
"""

import json
import sys

import numpy as np


def main() -> None:
    from lhotse import CutSet
    from lhotse.qa import validate

    found = []
    for cut in CutSet.from_shar(in_dir=sys.argv[1]):
        validate(cut)
        audio = cut.load_audio()
        second = audio[:, : audio.shape[1] // cut.sampling_rate * cut.sampling_rate]
        levels = np.sqrt(np.mean(second.reshape(len(audio), -1, cut.sampling_rate) ** 2, axis=2))
        texts = [[each.channel, each.speaker, each.text, each.start, each.end] for each in cut.supervisions]
        words = [[word.symbol, word.start, word.end] for each in cut.supervisions for word in each.alignment["word"]]
        shape = {"id": cut.id, "rate": cut.sampling_rate, "shape": list(audio.shape), "levels": levels.tolist()}
        found.append(shape | {"texts": texts, "words": words})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
