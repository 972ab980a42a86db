"""What cannot be a translation, by its length: a bound that holds where a script has no spaces between words."""

import pytest

from turnmill.synth.translation.translator import flaw

ENGLISH = (
    "Tomorrow morning the train to Chiang Mai leaves at seven, so please come to the station early, because there will "
    "be many people who want to travel."
)
SAID = {
    "en": ENGLISH,
    "th": "พรุ่งนี้เช้ารถไฟไปเชียงใหม่จะออกเวลาเจ็ดโมง ดังนั้นกรุณามาถึงสถานีแต่เนิ่นๆ เพราะจะมีคนจำนวนมากที่อยากเดินทาง",
    "lo": "ມື້ອື່ນເຊົ້າລົດໄຟໄປຊຽງໃໝ່ຈະອອກເວລາເຈັດໂມງ ສະນັ້ນກະລຸນາມາຮອດສະຖານີແຕ່ເຊົ້າ ເພາະຈະມີຄົນຈຳນວນຫຼາຍທີ່ຢາກເດີນທາງ",
    "zh": "明天早上去清迈的火车七点开，所以请早点到车站来，因为会有很多人想要旅行。",
}


@pytest.mark.parametrize("source", SAID)
@pytest.mark.parametrize("to", SAID)
def test_a_right_translation_has_no_flaw(source: str, to: str) -> None:
    assert flaw(SAID[source], SAID[to], to) is None


@pytest.mark.parametrize("source", SAID)
@pytest.mark.parametrize("to", SAID)
def test_a_loop_is_found(source: str, to: str) -> None:
    assert "are the most of such a text" in (flaw(SAID[source], SAID[to] * 8, to) or "")
