"""dnsmos: how good each clip sounds, by DNSMOS (sources.dnsmos)."""

from turnmill.manifests.audio import Sound
from turnmill.manifests.params import Params
from turnmill.pipelines.stage import ClipLabel, Row
from turnmill.sources.dnsmos import SPEECHMOS, Scorer, Scores, model_folder


class DnsmosParams(Params):
    """Nothing to choose: thresholds belong to `select`."""


class Dnsmos(ClipLabel):
    name = "dnsmos"
    tables = ("dnsmos",)
    params: DnsmosParams

    def identity(self) -> dict[str, str]:
        return {"model": " ".join(SPEECHMOS.sha256.values())}

    def check_here(self) -> None:
        model_folder()

    def setup(self) -> None:
        if self.loaded is None:
            self.loaded = Scorer(model_folder())

    def label(self, uid: str, sound: Sound) -> Row:
        whole: Scores = self.loaded.scores(sound, uid)
        apart = self.loaded.channel_scores(sound, uid) if sound.channels > 1 else None
        return {
            "uid": uid,
            "dnsmos_sig": whole.sig,
            "dnsmos_bak": whole.bak,
            "dnsmos_ovrl": whole.ovrl,
            "dnsmos_p808": whole.p808,
            "channel_dnsmos_ovrl": None if apart is None else [one.ovrl for one in apart],
        }
