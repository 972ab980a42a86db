"""tags: how much of each clip is speech, music and noise, and what it sounds like (sources.sound_tags)."""

from turnmill.manifests.audio import Sound
from turnmill.manifests.params import Params
from turnmill.pipelines.stage import ClipLabel, Row
from turnmill.sources.sound_tags import YAMNET, Tagger, model_folder


class TagsParams(Params):
    """Nothing to choose: thresholds belong to `select`."""


class Tags(ClipLabel):
    name = "tags"
    tables = ("sound_tags",)
    params: TagsParams

    def identity(self) -> dict[str, str]:
        return {"model": " ".join(YAMNET.sha256.values())}

    def check_here(self) -> None:
        model_folder()

    def setup(self) -> None:
        if self.loaded is None:
            self.loaded = Tagger(model_folder())

    def label(self, uid: str, sound: Sound) -> Row:
        found = self.loaded.tags(sound, uid)
        top = [{"tag": tag, "prob": prob} for tag, prob in found.top]
        return {"uid": uid, "speech": found.speech, "music": found.music, "noise": found.noise, "top_tags": top}
