"""What is published of human talk, and of speech that models generated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Figures of human talk (or of a model's), by the keys of the report; `source` is where they are from."""

    name: str
    source: str
    figures: Mapping[str, float]


PUBLISHED: Sequence[Published] = (
    Published(
        "Fisher",
        "telephone, 1,000 segments; Défossez et al. 2024 (Moshi, arXiv 2410.00037), by the metrics of dGSLM",
        {"ipu_s_min": 51.1, "pause_s_min": 6.4, "gap_s_min": 4.2, "overlap_s_min": 3.3},
    ),
    Published(
        "Switchboard",
        "telephone, 38 h; Levinson & Torreira 2015, Frontiers in Psychology 6:731",
        {
            "p_overlap": 0.301,
            "fto_mode_s": 0.15,
            "overlap_p75_s": 0.374,
            "ipu_median_s": 1.227,
            "ipu_mean_s": 1.680,
            "overlap_share": 0.047,  # of what is not silent
        },
    ),
    Published(
        "CANDOR",
        "video calls, 850 h; Reece et al. 2023, Science Advances 9",
        {"p_overlap": 0.479, "fto_median_s": 0.08, "gap_median_s": 0.38, "overlap_median_s": 0.41},
    ),
    Published(
        "ten languages",
        "answers to polar questions; Stivers et al. 2009, PNAS 106:26",
        {"fto_mean_s": 0.208, "fto_median_s": 0.1},
    ),
    Published(
        "Map Task, CGN",
        "Swedish, Scottish English, Dutch; Heldner & Edlund 2010, Journal of Phonetics 38:4",
        {"p_overlap": 0.40, "fto_mode_s": 0.2},
    ),
    Published(
        "Duplex Cue",
        "free dialogue, 20.3 h",
        {"backchannels_min": 1.6, "interruptions_min": 0.27},
    ),
)

GENERATED: Sequence[Published] = (
    Published(
        "Moshi",
        "Défossez et al. 2024, temperature 1.0",
        {"ipu_s_min": 50.8, "pause_s_min": 7.0, "gap_s_min": 4.5, "overlap_s_min": 4.1},
    ),
    Published(
        "dGSLM",
        "Nguyen et al. 2023, as measured by Défossez et al. 2024",
        {"ipu_s_min": 41.4, "pause_s_min": 13.8, "gap_s_min": 10.7, "overlap_s_min": 6.1},
    ),
)
"""The same of speech that models generated."""
