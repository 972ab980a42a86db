"""Run in an environment with lhotse: what `load_kaldi_data_dir` makes of a data directory, as JSON.

python kaldi_data.py EXPORT/kaldi/train
"""

import json
import sys
from pathlib import Path

import numpy as np
import soundfile


def main() -> None:
    from lhotse.kaldi import load_kaldi_data_dir

    first = (Path(sys.argv[1]) / "wav.scp").read_text("utf-8").splitlines()[0]
    rate = soundfile.info(first.split(maxsplit=1)[1]).samplerate
    recordings, supervisions, _ = load_kaldi_data_dir(sys.argv[1], sampling_rate=rate)
    found = []
    for one in supervisions:
        recording = recordings[one.recording_id]
        audio = recording.load_audio()
        found.append(
            {
                "name": one.id,
                "text": one.text,
                "speaker": one.speaker,
                "channels": len(audio),
                "seconds": recording.duration,
                "level": float(np.sqrt(np.mean(np.square(audio)))),
            }
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
